//! Recognises provider ids that are unique. Claude Code writes ids as the API gives them. Routers leave them out,
//! restart at `call_0` in each answer, or send a constant.

/// The number of letters and digits of a short one. The API's own have 24.
const MIN_LENGTH: usize = 20;

/// A constant such as `00000000000000000001` has fewer different characters.
const MIN_DIFFERENT: usize = 10;

/// Ids from the API documentation's examples, which mock servers send.
const EXAMPLES: &[&str] = &[
    "msg_013Zva2CMHLNnXjNJJKqJ2EF",
    "msg_014p7gG3wDgGV9EUtLvnow3U",
    "msg_019LBLYFJ7fG3fuAqzuRQbyi",
    "msg_01XFDUDYJgAACzvnptvVoYEL",
    "msg_1nZdL29xx5MUA1yADyHTEsnR8uuvGzszyY",
    "msg_4QpJur2dWWDjF6C758FbBw5vm12BaVipnK",
    "srvtoolu_014hJH82Qum7Td6UV8gDXThB",
    "srvtoolu_01WYG3ziw53XMcoyKL4XcZmE",
    "toolu_01A09q90qw90lq917835lq9",
    "toolu_01D7FLrfh4GYq7yT1ULFeyMV",
    "toolu_01T1x1fJ34qAmk2tNTrN7Up6",
];

/// Whether an id has the form of Anthropic's API, directly or behind Bedrock or Vertex. Any other id may repeat for
/// another message or tool.
pub fn is_trusted(id: &str) -> bool {
    let prefixes = ["msg_", "toolu_", "srvtoolu_"];
    let Some(rest) = prefixes.iter().find_map(|prefix| id.strip_prefix(prefix)) else {
        return false;
    };
    let clouds = ["bdrk_", "vrtx_"];
    let rest = clouds.iter().find_map(|cloud| rest.strip_prefix(cloud)).unwrap_or(rest);
    let mut different = [false; 128];
    for byte in rest.bytes() {
        match different.get_mut(usize::from(byte)) {
            Some(seen) if byte.is_ascii_alphanumeric() => *seen = true,
            _ => return false,
        }
    }
    let different = different.iter().filter(|seen| **seen).count();
    rest.len() >= MIN_LENGTH && different >= MIN_DIFFERENT && !EXAMPLES.contains(&id)
}

#[cfg(test)]
mod tests {
    use super::is_trusted;

    #[test]
    fn trusts_ids_in_the_form_of_the_api_alone() {
        for trusted in [
            "msg_01QA4ENWgTYCeBCKXWsk25sW",
            "msg_bdrk_01QA4ENWgTYCeBCKXWsk25sW",
            "msg_vrtx_01QA4ENWgTYCeBCKXWsk25sW",
            "toolu_01xEY9FrXvtAE23Bd45erybu",
            "toolu_bdrk_01xEY9FrXvtAE23Bd45erybu",
            "srvtoolu_01xEY9FrXvtAE23Bd45erybu",
        ] {
            assert!(is_trusted(trusted), "{trusted}");
        }
        for other in [
            "",
            "msg_",
            "msg_1",
            "call_0",
            "chatcmpl-01QA4ENWgTYCeBCKXWsk25sW",
            "tooluse_01xEY9FrXvtAE23Bd45erybu",
            "gen-1764547200-01QA4ENWgTYCeBCKXWsk",
            "msg_1b671a64-40d5-491e-99b0-da01ff1f3341",
            "msg_1764547200000_k3j9x8w7q",
            "msg_000000000000000000000001",
            "msg_azur_01QA4ENWgTYCeBCKXWsk25sW",
            "msg_01QA4ENWgTYCeBCKXWsk25sé",
            "msg_01XFDUDYJgAACzvnptvVoYEL",
            "toolu_01A09q90qw90lq917835lq9",
        ] {
            assert!(!is_trusted(other), "{other}");
        }
    }
}
