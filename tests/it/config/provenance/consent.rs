//! The sources that may switch tracing on and off.

use serde_json::{Value, json};

use super::{MINE, Setup, keys, with};

/// The value in each source.
#[derive(Clone, Copy, Debug, Default)]
struct Says {
    shell: &'static str,
    user: &'static str,
    config: &'static str,
    entry: &'static str,
    shared: &'static str,
    personal: &'static str,
    managed: &'static str,
}

impl Says {
    fn is_on(self) -> bool {
        let env = |says: &str| match says {
            "" => json!({}),
            "empty" => json!({"TRACE_TO_LANGFUSE": ""}),
            says => json!({"TRACE_TO_LANGFUSE": says}),
        };
        let of_config = match self.config {
            "" => "empty",
            says => says,
        };
        let mine = with(keys("mine"), "LANGFUSE_BASE_URL", MINE);
        let mut config: Value = mine;
        config["TRACE_TO_LANGFUSE"] = env(of_config)["TRACE_TO_LANGFUSE"].clone();
        let setup = Setup {
            shell: env(self.shell),
            user: env(self.user),
            config,
            entry: json!({"env": env(self.entry)}),
            shared: env(self.shared),
            personal: env(self.personal),
            managed: env(self.managed),
            flags: Value::Null,
        };
        let [hook, command] = setup.resolve();
        assert_eq!(hook.enabled, command.enabled, "a hook and a command decide alike: {self:?}");
        hook.enabled
    }
}

#[test]
fn a_false_of_the_user_overrides_a_repository() {
    let none = Says::default();
    for (says, is_on) in [
        (Says { shared: "true", ..none }, true),
        (Says { personal: "true", ..none }, true),
        // These override settings.json.
        (Says { shared: "true", user: "false", ..none }, false),
        (Says { shared: "true", config: "false", ..none }, false),
        (Says { shared: "true", config: "false", user: "true", ..none }, true),
        (Says { shared: "true", config: "false", entry: "true", ..none }, true),
        (Says { shared: "true", user: "false", entry: "true", ..none }, true),
        // These override both files.
        (Says { shared: "true", entry: "false", ..none }, false),
        (Says { personal: "true", entry: "false", ..none }, false),
        (Says { shared: "true", managed: "false", ..none }, false),
        (Says { personal: "true", managed: "false", ..none }, false),
        // The personal file is the user's own value for this project.
        (Says { personal: "true", user: "false", ..none }, true),
        (Says { personal: "true", config: "false", ..none }, true),
        (Says { personal: "true", shared: "false", ..none }, true),
        // A repository may always switch off.
        (Says { shared: "false", user: "true", config: "true", ..none }, false),
        (Says { personal: "false", entry: "true", ..none }, false),
        (Says { personal: "false", shared: "true", ..none }, false),
        // The user's value for this project wins over that for all projects.
        (Says { user: "false", entry: "true", ..none }, true),
        (Says { user: "true", entry: "false", ..none }, false),
        (Says { user: "true", config: "false", ..none }, true),
        (Says { shell: "true", entry: "false", ..none }, true),
        (Says { managed: "true", entry: "false", user: "false", ..none }, true),
        // An empty value removes nothing.
        (Says { shared: "empty", user: "true", ..none }, true),
        (Says { personal: "empty", user: "false", config: "true", ..none }, false),
        (Says { personal: "empty", config: "true", ..none }, true),
        (Says { shared: "empty", entry: "true", ..none }, true),
    ] {
        assert_eq!(says.is_on(), is_on, "{says:?}");
    }
}
