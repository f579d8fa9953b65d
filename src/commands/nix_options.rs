//! The options of the home-manager module for values of config.json.

use std::collections::BTreeMap;
use std::path::Path;

use crate::commands::config_edit::{NewValue, home_path};
use crate::config::{Env, find_variable, is_on};

/// The equivalent options of these values, as lines of Nix.
pub(super) fn nix_options(values: &[NewValue], env: &Env) -> String {
    let mut places: BTreeMap<Option<&Path>, Vec<&NewValue>> = BTreeMap::new();
    for value in values {
        places.entry(value.project.as_deref()).or_default().push(value);
    }
    let mut text = String::from("programs.claude-langfuse = {\n  enable = true;\n");
    for (project, values) in places {
        let prefix = match project {
            None => String::new(),
            Some(folder) => format!("projects.{}.", quoted(&home_path(env, folder))),
        };
        for value in values {
            text.push_str(&format!("  {prefix}{}\n", option(value)));
        }
    }
    text.push_str("};\n");
    text
}

/// The option of a value, without the path of its project.
fn option(value: &NewValue) -> String {
    let NewValue { project, name, value } = value;
    let (variable, is_file) = match find_variable(name) {
        Some((variable, spelling)) => (variable.name, variable.is_file_spelling(spelling)),
        None => (*name, false),
    };
    let name = match (variable, is_file) {
        ("TRACE_TO_LANGFUSE", _) => {
            let option = if project.is_some() { "enable" } else { "traceAllProjects" };
            return format!("{option} = {};", is_on(value));
        }
        // The store is readable for everybody.
        ("LANGFUSE_SECRET_KEY", false) => {
            return "secretKeyFile = \"…\"; # a file outside of the store that holds the secret key".to_owned();
        }
        ("LANGFUSE_SECRET_KEY", true) => "secretKeyFile".to_owned(),
        ("LANGFUSE_PUBLIC_KEY", false) => "publicKey".to_owned(),
        ("LANGFUSE_PUBLIC_KEY", true) => "publicKeyFile".to_owned(),
        ("LANGFUSE_BASE_URL", _) => "host".to_owned(),
        _ => format!("environment.{name}"),
    };
    match value.as_str() {
        "" => format!("# remove {name}"),
        value => format!("{name} = {};", quoted(value)),
    }
}

fn quoted(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace("${", "\\${");
    format!("\"{text}\"")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::nix_options;
    use crate::commands::config_edit::NewValue;
    use crate::config::Env;

    #[test]
    fn each_value_has_its_option() {
        let env = Env { home: Some(PathBuf::from("/home/me")), ..Env::default() };
        let value = |project: Option<&str>, name, value: &str| NewValue {
            project: project.map(PathBuf::from),
            name,
            value: value.to_owned(),
        };
        let app = Some("/home/me/code/app");
        let options = nix_options(
            &[
                value(None, "LANGFUSE_PUBLIC_KEY", "pk-lf-1"),
                value(None, "LANGFUSE_SECRET_KEY", "sk-lf-1"),
                value(None, "CC_LANGFUSE_TRACE_NAME", "a \"${b}\""),
                value(app, "TRACE_TO_LANGFUSE", "on"),
                value(app, "LANGFUSE_HOST", "https://x"),
            ],
            &env,
        );
        assert_eq!(
            options,
            r#"programs.claude-langfuse = {
  enable = true;
  publicKey = "pk-lf-1";
  secretKeyFile = "…"; # a file outside of the store that holds the secret key
  environment.CC_LANGFUSE_TRACE_NAME = "a \"\${b}\"";
  projects."~/code/app".enable = true;
  projects."~/code/app".host = "https://x";
};
"#
        );
    }
}
