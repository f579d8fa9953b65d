//! Keys at random by a template, the same ones in every run.

/// The kind and the template of each row of a table.
pub(crate) fn rows(table: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = table.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split_once('\t').expect("two columns"))
}

/// Numbers by xorshift64*.
pub(crate) struct Generator(u64);

impl Generator {
    /// Begins elsewhere for each template.
    pub(crate) fn new(template: &str) -> Self {
        let seed = template.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self(seed | 1)
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap() % limit
    }

    /// A text by the template, and the random parts of it that are long enough to be a secret.
    pub(crate) fn next(&mut self, template: &str) -> (String, Vec<String>) {
        let (mut text, mut secrets) = (String::new(), Vec::new());
        let mut rest = template;
        while let Some((before, field)) = rest.split_once('<') {
            let (field, after) = field.split_once('>').expect("a closing sign");
            let (letters, number) = field.split_once(':').expect("letters and their number");
            text.push_str(&before.replace('!', "\n"));
            let part = self.part(letters, number.parse().expect("a number"));
            text.push_str(&part);
            if part.len() >= 8 {
                secrets.push(part);
            }
            rest = after;
        }
        text.push_str(&rest.replace('!', "\n"));
        (text, secrets)
    }

    fn part(&mut self, letters: &str, number: usize) -> String {
        let alphabet: Vec<u8> = alphabet(letters).into();
        (0..number).map(|_| char::from(alphabet[self.below(alphabet.len())])).collect()
    }
}

fn alphabet(letters: &str) -> String {
    const DIGITS: &str = "0123456789";
    const SMALL: &str = "abcdefghijklmnopqrstuvwxyz";
    const CAPITALS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    match letters {
        "d" => DIGITS.to_owned(),
        "h" => "0123456789abcdef".to_owned(),
        "l" => [SMALL, DIGITS].concat(),
        "a" => [SMALL, CAPITALS, DIGITS].concat(),
        "L" => [SMALL, CAPITALS].concat(),
        "c" => [CAPITALS, DIGITS].concat(),
        "t" => [CAPITALS, "234567"].concat(),
        "u" => [SMALL, CAPITALS, DIGITS, "_-"].concat(),
        "b" => [SMALL, CAPITALS, DIGITS, "+/"].concat(),
        "s" => [SMALL, CAPITALS, DIGITS, "_.~-"].concat(),
        "x" => "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L".to_owned(),
        // Django's.
        "j" => [SMALL, DIGITS, "!@#$%^&*(-_=+)"].concat(),
        "e" => "\u{1b}".to_owned(),
        "q" => "<".to_owned(),
        other => panic!("no such letters: {other}"),
    }
}
