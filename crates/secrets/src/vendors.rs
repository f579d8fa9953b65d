//! Keys and tokens that tell by their beginning whose they are. Public keys (`pk-lf-`, `pk_live_`) are no secrets and not in the table.

use std::ops::RangeInclusive;

use super::alphabet::{
    ALNUM, ANY_HEX, Alphabet, BASE64, CAPITAL, DOTTED, HEX, URLSAFE, WIDE, WORD,
};

/// What a vendor's secrets look like.
pub(super) struct Vendor {
    /// What they begin with: at least two bytes.
    pub(super) begin: &'static str,
    pub(super) kind: &'static str,
    /// What follows is made of these bytes.
    pub(super) alphabet: Alphabet,
    /// So many bytes follow.
    pub(super) length: RangeInclusive<usize>,
    /// A word must begin here, because the beginning alone is not rare enough.
    pub(super) at_word: bool,
}

/// No bound.
const ANY: usize = usize::MAX;

/// A beginning that is rare enough to be known in the middle of a word.
const fn anywhere(
    begin: &'static str,
    kind: &'static str,
    alphabet: Alphabet,
    length: RangeInclusive<usize>,
) -> Vendor {
    Vendor { begin, kind, alphabet, length, at_word: false }
}

/// A beginning that counts only where a word begins.
const fn at_word(
    begin: &'static str,
    kind: &'static str,
    alphabet: Alphabet,
    length: RangeInclusive<usize>,
) -> Vendor {
    Vendor { at_word: true, ..anywhere(begin, kind, alphabet, length) }
}

/// Sorted by their beginnings.
pub(super) const VENDORS: &[Vendor] = &[
    at_word("1//0", "google-refresh-token", URLSAFE, 30..=ANY),
    at_word("A3-", "onepassword-key", URLSAFE, 28..=40),
    at_word("ABIA", "aws-access-key", CAPITAL, 16..=16),
    at_word("ABSK", "aws-bedrock-key", BASE64, 100..=300),
    at_word("ACCA", "aws-access-key", CAPITAL, 16..=16),
    anywhere("AGE-SECRET-KEY-1", "age-secret-key", CAPITAL, 50..=ANY),
    anywhere("AGE-SECRET-KEY-PQ-1", "age-secret-key", CAPITAL, 50..=ANY),
    at_word("AIza", "google-api-key", URLSAFE, 35..=39),
    at_word("AKCp", "artifactory-key", ALNUM, 69..=69),
    at_word("AKIA", "aws-access-key", CAPITAL, 16..=16),
    at_word("AKID", "tencent-secret-id", ALNUM, 32..=32),
    at_word("API-", "octopus-key", CAPITAL, 26..=32),
    at_word("AQVN", "yandex-key", URLSAFE, 35..=40),
    at_word("ASIA", "aws-access-key", CAPITAL, 16..=16),
    anywhere("ATATT3", "atlassian-token", WIDE, 60..=ANY),
    at_word("ATBB", "bitbucket-token", ALNUM, 28..=60),
    anywhere("ATCTT3", "atlassian-token", WIDE, 60..=ANY),
    at_word("ApiKey-", "ibm-key", URLSAFE, 40..=ANY),
    anywhere("CCIPAT_", "circleci-token", WORD, 36..=ANY),
    anywhere("CFPAT-", "contentful-token", URLSAFE, 40..=ANY),
    anywhere("CLOJARS_", "clojars-token", ALNUM, 60..=ANY),
    at_word("EAAC", "facebook-token", ALNUM, 100..=ANY),
    at_word("EAAM", "facebook-token", ALNUM, 100..=ANY),
    at_word("EZAK", "easypost-key", ALNUM, 54..=54),
    at_word("EZTK", "easypost-key", ALNUM, 54..=54),
    anywhere("FLWSECK", "flutterwave-key", URLSAFE, 12..=ANY),
    anywhere("GOCSPX-", "google-client-secret", URLSAFE, 24..=ANY),
    anywhere("GR1348941", "gitlab-token", URLSAFE, 20..=ANY),
    anywhere("HRKU-", "heroku-key", URLSAFE, 36..=ANY),
    at_word("LTAI", "alibaba-access-key", ALNUM, 16..=24),
    anywhere("NRAK-", "newrelic-key", CAPITAL, 27..=ANY),
    anywhere("NRII-", "newrelic-key", URLSAFE, 32..=ANY),
    anywhere("NRIQ-", "newrelic-key", URLSAFE, 32..=ANY),
    anywhere("NRRA-", "newrelic-key", ANY_HEX, 40..=ANY),
    anywhere("PMAK-", "postman-key", URLSAFE, 50..=ANY),
    at_word("SCW", "scaleway-key", CAPITAL, 17..=17),
    at_word("SG.", "sendgrid-key", DOTTED, 60..=75),
    at_word("SK", "twilio-key", ANY_HEX, 32..=32),
    anywhere("_gitlab_session=", "gitlab-session", HEX, 32..=ANY),
    anywhere("access_token$production$", "braintree-token", WIDE, 32..=ANY),
    anywhere("api_org_", "huggingface-token", ALNUM, 30..=ANY),
    anywhere("bedrock-api-key-", "aws-bedrock-key", BASE64, 40..=ANY),
    anywhere("bkua_", "buildkite-token", ALNUM, 36..=ANY),
    at_word("cio", "crates-io-token", ALNUM, 32..=32),
    at_word("cmVmd", "artifactory-token", ALNUM, 59..=59),
    at_word("csk-", "cerebras-key", ALNUM, 40..=ANY),
    anywhere("dapi", "databricks-token", HEX, 32..=ANY),
    anywhere("dckr_oat_", "docker-token", URLSAFE, 20..=ANY),
    anywhere("dckr_pat_", "docker-token", URLSAFE, 20..=ANY),
    anywhere("doo_v1_", "digitalocean-token", HEX, 64..=ANY),
    anywhere("dop_v1_", "digitalocean-token", HEX, 64..=ANY),
    anywhere("dor_v1_", "digitalocean-token", HEX, 64..=ANY),
    at_word("dp.audit.", "doppler-token", DOTTED, 40..=ANY),
    at_word("dp.ct.", "doppler-token", DOTTED, 40..=ANY),
    at_word("dp.pt.", "doppler-token", DOTTED, 40..=ANY),
    at_word("dp.sa.", "doppler-token", DOTTED, 40..=ANY),
    at_word("dp.scim.", "doppler-token", DOTTED, 40..=ANY),
    at_word("dp.st.", "doppler-token", DOTTED, 40..=ANY),
    anywhere("dt0c01.", "dynatrace-token", DOTTED, 80..=ANY),
    anywhere("duffel_live_", "duffel-token", URLSAFE, 40..=ANY),
    anywhere("duffel_test_", "duffel-token", URLSAFE, 40..=ANY),
    at_word("figd_", "figma-token", URLSAFE, 30..=ANY),
    at_word("figo_", "figma-token", URLSAFE, 30..=ANY),
    at_word("figu_", "figma-token", URLSAFE, 30..=ANY),
    anywhere("fio-u-", "frameio-token", URLSAFE, 60..=ANY),
    anywhere("fm1a_", "flyio-token", BASE64, 60..=ANY),
    anywhere("fm1r_", "flyio-token", BASE64, 60..=ANY),
    anywhere("fm2_", "flyio-token", BASE64, 60..=ANY),
    at_word("fo1_", "flyio-token", URLSAFE, 43..=ANY),
    at_word("fw_", "fireworks-key", ALNUM, 22..=30),
    anywhere("gho_", "github-token", ALNUM, 36..=ANY),
    anywhere("ghp_", "github-token", ALNUM, 36..=ANY),
    anywhere("ghr_", "github-token", ALNUM, 36..=ANY),
    anywhere("ghs_", "github-token", ALNUM, 36..=ANY),
    anywhere("ghu_", "github-token", ALNUM, 36..=ANY),
    anywhere("github_pat_", "github-token", WORD, 50..=ANY),
    anywhere("glagent-", "gitlab-token", DOTTED, 40..=ANY),
    anywhere("glc_", "grafana-token", BASE64, 32..=ANY),
    anywhere("glcbt-", "gitlab-token", DOTTED, 20..=ANY),
    anywhere("gldt-", "gitlab-token", DOTTED, 20..=ANY),
    anywhere("glffct-", "gitlab-token", DOTTED, 20..=ANY),
    anywhere("glft-", "gitlab-token", DOTTED, 20..=ANY),
    anywhere("glimt-", "gitlab-token", DOTTED, 20..=ANY),
    anywhere("gloas-", "gitlab-token", DOTTED, 40..=ANY),
    anywhere("glpat-", "gitlab-token", DOTTED, 20..=ANY),
    anywhere("glptt-", "gitlab-token", DOTTED, 40..=ANY),
    anywhere("glrt-", "gitlab-token", DOTTED, 20..=ANY),
    anywhere("glsa_", "grafana-token", WORD, 40..=ANY),
    anywhere("glsoat-", "gitlab-token", DOTTED, 20..=ANY),
    anywhere("gsk_", "groq-key", ALNUM, 40..=ANY),
    at_word("hf_", "huggingface-token", ALNUM, 34..=40),
    at_word("hvb.", "vault-token", URLSAFE, 24..=ANY),
    at_word("hvr.", "vault-token", URLSAFE, 24..=ANY),
    at_word("hvs.", "vault-token", URLSAFE, 24..=ANY),
    at_word("ico-", "infracost-key", ALNUM, 32..=32),
    at_word("jina_", "jina-key", WORD, 50..=ANY),
    at_word("key-", "mailgun-key", HEX, 32..=32),
    anywhere("lin_api_", "linear-key", ALNUM, 32..=ANY),
    anywhere("lin_oauth_", "linear-key", ALNUM, 32..=ANY),
    anywhere("lsv2_", "langsmith-key", WORD, 32..=ANY),
    anywhere("mdb_sa_sk_", "mongodb-atlas-key", URLSAFE, 30..=ANY),
    at_word("napi_", "neon-key", ALNUM, 40..=ANY),
    anywhere("nfp_", "netlify-token", ALNUM, 36..=ANY),
    anywhere("npm_", "npm-token", ALNUM, 36..=ANY),
    at_word("ntn_", "notion-token", ALNUM, 40..=60),
    anywhere("nvapi-", "nvidia-key", URLSAFE, 50..=ANY),
    anywhere("ops_eyJ", "onepassword-token", BASE64, 100..=ANY),
    at_word("oy2", "nuget-key", ALNUM, 43..=43),
    at_word("p8e-", "adobe-secret", ALNUM, 32..=32),
    at_word("pat.", "harness-key", DOTTED, 60..=80),
    anywhere("pcsk_", "pinecone-key", WORD, 40..=ANY),
    at_word("phx_", "posthog-key", ALNUM, 40..=ANY),
    anywhere("pnb_", "prefect-token", ALNUM, 36..=ANY),
    anywhere("pnu_", "prefect-token", ALNUM, 36..=ANY),
    anywhere("pplx-", "perplexity-key", ALNUM, 40..=ANY),
    at_word("pscale_oauth_", "planetscale-token", DOTTED, 30..=ANY),
    at_word("pscale_pw_", "planetscale-password", DOTTED, 30..=ANY),
    at_word("pscale_tkn_", "planetscale-token", DOTTED, 30..=ANY),
    at_word("pul-", "pulumi-token", HEX, 40..=ANY),
    anywhere("pypi-", "pypi-token", URLSAFE, 85..=ANY),
    anywhere("pypi-AgE", "pypi-token", URLSAFE, 50..=ANY),
    at_word("r8_", "replicate-token", ALNUM, 30..=60),
    at_word("rdme_", "readme-key", ALNUM, 70..=70),
    at_word("re_", "resend-key", WORD, 32..=40),
    anywhere("rk_live_", "stripe-key", WORD, 16..=ANY),
    anywhere("rk_prod_", "stripe-key", WORD, 16..=ANY),
    anywhere("rk_test_", "stripe-key", WORD, 16..=ANY),
    anywhere("rubygems_", "rubygems-key", HEX, 48..=ANY),
    anywhere("s-s4t2af-", "intra42-secret", HEX, 64..=ANY),
    anywhere("s-s4t2ud-", "intra42-secret", HEX, 64..=ANY),
    at_word("s.", "vault-token", ALNUM, 24..=24),
    at_word("sat.", "harness-key", DOTTED, 60..=80),
    anywhere("sb_secret_", "supabase-key", URLSAFE, 30..=ANY),
    anywhere("sbp_", "supabase-token", ANY_HEX, 40..=ANY),
    at_word("secret_", "notion-token", ALNUM, 43..=43),
    anywhere("sgp_", "sourcegraph-token", WORD, 40..=ANY),
    anywhere("sha256~", "openshift-token", URLSAFE, 43..=ANY),
    anywhere("shippo_live_", "shippo-token", ANY_HEX, 40..=ANY),
    anywhere("shippo_test_", "shippo-token", ANY_HEX, 40..=ANY),
    anywhere("shpat_", "shopify-token", ANY_HEX, 32..=ANY),
    anywhere("shpca_", "shopify-token", ANY_HEX, 32..=ANY),
    anywhere("shppa_", "shopify-token", ANY_HEX, 32..=ANY),
    anywhere("shpss_", "shopify-token", ANY_HEX, 32..=ANY),
    anywhere("shptka_", "shopify-token", ANY_HEX, 32..=ANY),
    at_word("sk-", "openai-key", ALNUM, 32..=100),
    anywhere("sk-None-", "openai-key", URLSAFE, 20..=ANY),
    anywhere("sk-admin-", "openai-key", URLSAFE, 20..=ANY),
    anywhere("sk-ant-", "anthropic-key", URLSAFE, 20..=ANY),
    anywhere("sk-lf-", "langfuse-key", URLSAFE, 20..=ANY),
    anywhere("sk-or-", "openrouter-key", URLSAFE, 32..=ANY),
    anywhere("sk-proj-", "openai-key", URLSAFE, 20..=ANY),
    anywhere("sk-svcacct-", "openai-key", URLSAFE, 20..=ANY),
    at_word("sk.eyJ", "mapbox-token", DOTTED, 50..=ANY),
    at_word("sk_", "elevenlabs-key", HEX, 40..=64),
    anywhere("sk_live_", "stripe-key", WORD, 16..=ANY),
    anywhere("sk_prod_", "stripe-key", WORD, 16..=ANY),
    anywhere("sk_test_", "stripe-key", WORD, 16..=ANY),
    at_word("sl.", "dropbox-token", DOTTED, 100..=ANY),
    at_word("sm_aat_", "settlemint-token", ALNUM, 16..=40),
    at_word("sm_pat_", "settlemint-token", ALNUM, 16..=40),
    at_word("sm_sat_", "settlemint-token", ALNUM, 16..=40),
    anywhere("sntrya_", "sentry-token", WIDE, 40..=ANY),
    anywhere("sntrys_", "sentry-token", WIDE, 40..=ANY),
    anywhere("sntryu_", "sentry-token", WIDE, 40..=ANY),
    anywhere("snyk_uat.", "snyk-token", DOTTED, 20..=ANY),
    anywhere("sq0atp-", "square-token", URLSAFE, 22..=ANY),
    anywhere("sq0csp-", "square-secret", URLSAFE, 40..=ANY),
    anywhere("sqa_", "sonar-token", ALNUM, 40..=ANY),
    anywhere("sqp_", "sonar-token", ALNUM, 40..=ANY),
    anywhere("squ_", "sonar-token", ALNUM, 40..=ANY),
    at_word("st.", "infisical-token", DOTTED, 60..=ANY),
    at_word("t1.", "yandex-token", DOTTED, 90..=ANY),
    anywhere("tfp_", "typeform-token", DOTTED, 40..=ANY),
    at_word("tgp_v1_", "together-key", URLSAFE, 40..=ANY),
    at_word("tk-us-", "scalingo-token", URLSAFE, 48..=48),
    anywhere("tskey-", "tailscale-key", URLSAFE, 20..=ANY),
    anywhere("tvly-", "tavily-key", URLSAFE, 24..=ANY),
    at_word("v1.0-", "cloudflare-key", URLSAFE, 150..=200),
    at_word("vcp_", "vercel-token", ALNUM, 24..=ANY),
    anywhere("vercel_blob_rw_", "vercel-token", WORD, 30..=ANY),
    anywhere("whsec_", "stripe-webhook-secret", BASE64, 24..=ANY),
    at_word("xai-", "xai-key", ALNUM, 60..=ANY),
    anywhere("xapp-", "slack-token", URLSAFE, 20..=ANY),
    anywhere("xkeysib-", "brevo-key", URLSAFE, 64..=ANY),
    at_word("xoxa-", "slack-token", WIDE, 16..=ANY),
    at_word("xoxb-", "slack-token", WIDE, 16..=ANY),
    at_word("xoxc-", "slack-token", WIDE, 16..=ANY),
    at_word("xoxd-", "slack-token", WIDE, 16..=ANY),
    at_word("xoxe-", "slack-token", WIDE, 16..=ANY),
    at_word("xoxe.xox", "slack-token", WIDE, 16..=ANY),
    at_word("xoxo-", "slack-token", WIDE, 16..=ANY),
    at_word("xoxp-", "slack-token", WIDE, 16..=ANY),
    at_word("xoxr-", "slack-token", WIDE, 16..=ANY),
    at_word("xoxs-", "slack-token", WIDE, 16..=ANY),
    anywhere("xsmtpsib-", "brevo-key", URLSAFE, 40..=ANY),
    at_word("ya29.", "google-oauth-token", DOTTED, 30..=ANY),
];

#[cfg(test)]
mod tests {
    use super::VENDORS;

    #[test]
    fn the_table_is_sorted_and_names_no_beginning_twice() {
        let begins = VENDORS.iter().map(|vendor| vendor.begin);
        assert!(begins.is_sorted_by(|one, next| one < next));
    }

    #[test]
    fn every_vendor_can_be_found() {
        for vendor in VENDORS {
            let (least, most) = (*vendor.length.start(), *vendor.length.end());
            assert!(vendor.begin.len() > 1 && vendor.begin.is_ascii(), "{}", vendor.begin);
            assert!(!vendor.kind.is_empty() && least > 0 && least <= most, "{}", vendor.begin);
        }
    }
}
