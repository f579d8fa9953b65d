//! Every recorded scenario arrives completely, by replay and by the recorded hooks, as the same rows.

mod firings;
mod judge;
mod rewritten;

use langfuse_mock::{MockLangfuse, Row};

use crate::sandbox::{Received, Recording, Sandbox};

macro_rules! recordings {
    ($judge:ident, $list:ident: $($test:ident $name:literal)*) => {
        const $list: &[&str] = &[$($name),*];
        $(mod $test { super::$judge!($name); })*
    };
}

macro_rules! whole {
    ($name:literal) => {
        #[test]
        fn arrives_whole_by_replay() {
            super::arrives_by_replay($name);
        }

        #[test]
        fn arrives_whole_by_its_hooks() {
            super::arrives_by_hooks($name);
        }

        #[test]
        fn arrives_whole_by_its_last_hook_and_a_replay() {
            super::arrives_by_last_hook_and_replay($name);
        }

        #[test]
        fn is_shown_as_before() {
            super::is_shown_as_before($name);
        }
    };
}
use whole;

/// Sessions without a hook.
macro_rules! hookless {
    ($name:literal) => {
        #[test]
        fn arrives_whole_by_replay() {
            super::arrives_by_replay($name);
        }

        #[test]
        fn is_shown_as_before() {
            super::is_shown_as_before($name);
        }
    };
}
use hookless;

recordings! { whole, JUDGED:
    v1_0_128_blocks "v1.0.128/blocks"
    v1_0_128_simple "v1.0.128/simple"
    v1_0_128_subagent "v1.0.128/subagent"
    v2_0_76_interrupt "v2.0.76/interrupt"
    v2_0_76_simple "v2.0.76/simple"
    v2_0_76_subagent "v2.0.76/subagent"
    v2_1_197_blocks "v2.1.197/blocks"
    v2_1_197_compact "v2.1.197/compact"
    v2_1_197_fork "v2.1.197/fork"
    v2_1_197_interrupt "v2.1.197/interrupt"
    v2_1_197_parallel_tools "v2.1.197/parallel-tools"
    v2_1_197_rewind "v2.1.197/rewind"
    v2_1_197_simple "v2.1.197/simple"
    v2_1_197_skill_fork "v2.1.197/skill-fork"
    v2_1_197_stop_block "v2.1.197/stop-block"
    v2_1_197_subagent "v2.1.197/subagent"
    v2_1_197_subagent_background "v2.1.197/subagent-background"
    v2_1_197_worktree_agents "v2.1.197/worktree-agents"
    v2_1_330_agent_deep "v2.1.330/agent-deep"
    v2_1_330_agent_failed "v2.1.330/agent-failed"
    v2_1_330_agent_killed "v2.1.330/agent-killed"
    v2_1_330_agent_lost "v2.1.330/agent-lost"
    v2_1_330_agent_resumed "v2.1.330/agent-resumed"
    v2_1_330_api_error "v2.1.330/api-error"
    v2_1_330_api_retry "v2.1.330/api-retry"
    v2_1_330_background_shell "v2.1.330/background-shell"
    v2_1_330_bash_line "v2.1.330/bash-line"
    v2_1_330_blocks "v2.1.330/blocks"
    v2_1_330_branch_tui "v2.1.330/branch-tui"
    v2_1_330_clear "v2.1.330/clear"
    v2_1_330_clear_tui "v2.1.330/clear-tui"
    v2_1_330_compact "v2.1.330/compact"
    v2_1_330_compact_auto "v2.1.330/compact-auto"
    v2_1_330_cut_off "v2.1.330/cut-off"
    v2_1_330_cut_off_print "v2.1.330/cut-off-print"
    v2_1_330_esc_first "v2.1.330/esc-first"
    v2_1_330_fork "v2.1.330/fork"
    v2_1_330_image "v2.1.330/image"
    v2_1_330_interrupt "v2.1.330/interrupt"
    v2_1_330_max_tokens "v2.1.330/max-tokens"
    v2_1_330_max_turns "v2.1.330/max-turns"
    v2_1_330_mcp "v2.1.330/mcp"
    v2_1_330_model_fallback "v2.1.330/model-fallback"
    v2_1_330_model_switch "v2.1.330/model-switch"
    v2_1_330_parallel_tools "v2.1.330/parallel-tools"
    v2_1_330_permission_denied "v2.1.330/permission-denied"
    v2_1_330_permission_tui "v2.1.330/permission-tui"
    v2_1_330_plan_mode "v2.1.330/plan-mode"
    v2_1_330_queued_tui "v2.1.330/queued-tui"
    v2_1_330_refusal "v2.1.330/refusal"
    v2_1_330_resume "v2.1.330/resume"
    v2_1_330_rewind "v2.1.330/rewind"
    v2_1_330_rewind_command "v2.1.330/rewind-command"
    v2_1_330_rewind_first "v2.1.330/rewind-first"
    v2_1_330_rewind_tui "v2.1.330/rewind-tui"
    v2_1_330_sdk_inline "v2.1.330/sdk-inline"
    v2_1_330_sdk_query "v2.1.330/sdk-query"
    v2_1_330_sdk_ts "v2.1.330/sdk-ts"
    v2_1_330_sdk_user "v2.1.330/sdk-user"
    v2_1_330_server_tools "v2.1.330/server-tools"
    v2_1_330_simple "v2.1.330/simple"
    v2_1_330_slash_command "v2.1.330/slash-command"
    v2_1_330_stop_block "v2.1.330/stop-block"
    v2_1_330_stream_multi "v2.1.330/stream-multi"
    v2_1_330_stream_queued "v2.1.330/stream-queued"
    v2_1_330_structured_output "v2.1.330/structured-output"
    v2_1_330_subagent "v2.1.330/subagent"
    v2_1_330_subagent_background "v2.1.330/subagent-background"
    v2_1_330_subagent_nested "v2.1.330/subagent-nested"
    v2_1_330_thinking "v2.1.330/thinking"
    v2_1_330_tool_error "v2.1.330/tool-error"
    v2_1_330_tools "v2.1.330/tools"
    v2_1_330_ttl_1h "v2.1.330/ttl-1h"
    v2_1_330_tui_interrupt "v2.1.330/tui-interrupt"
    v2_1_330_unicode "v2.1.330/unicode"
    v2_1_330_workflow "v2.1.330/workflow"
    v2_1_330_workflow_failed "v2.1.330/workflow-failed"
    v2_1_330_workflow_lost "v2.1.330/workflow-lost"
    v2_1_330_worktree "v2.1.330/worktree"
    v2_1_332_fork_agents "v2.1.332/fork-agents"
    v2_1_332_git_outcomes "v2.1.332/git-outcomes"
    v2_1_332_skill_fork "v2.1.332/skill-fork"
    v2_1_332_skill_fork_tui "v2.1.332/skill-fork-tui"
    v2_1_332_tui_subtask_day "v2.1.332/tui-subtask-day"
    v2_1_50_simple "v2.1.50/simple"
    v2_1_50_subagent "v2.1.50/subagent"
}

recordings! { hookless, WITHOUT_HOOKS:
    v2_0_76_blocks "v2.0.76/blocks"
    v2_1_330_sdk_empty "v2.1.330/sdk-empty"
}

#[test]
fn no_recording_is_left_out() {
    let mut covered = [JUDGED, WITHOUT_HOOKS, &[rewritten::NAME]].concat();
    covered.sort_unstable();
    assert_eq!(covered, Recording::names());
}

fn arrives_by_replay(name: &str) {
    let recording = Recording::open(name);
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    replay(&sandbox, &recording);
    judge::assert_whole(&mock, &recording);
    assert_nothing_left(&mock, &sandbox, &recording);
}

fn arrives_by_hooks(name: &str) {
    let recording = Recording::open(name);
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    firings::play(&sandbox, &recording);
    for transcript in firings::silent(&recording) {
        let agents = recording.agents_of(&transcript.session);
        agents.chain([transcript]).for_each(|file| sandbox.grow(file, usize::MAX));
        let path = sandbox.projects().join(&transcript.path);
        sandbox.run(&["replay", path.to_str().unwrap()]).exits(0);
    }
    judge::assert_whole(&mock, &recording);
    assert_same(&mock.rows(), &replayed(&recording).rows());
    assert_nothing_left(&mock, &sandbox, &recording);
}

/// The hook was installed late: its first contact skips turns, which a replay sends.
fn arrives_by_last_hook_and_replay(name: &str) {
    let recording = Recording::open(name);
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    firings::play_last(&sandbox, &recording);
    assert!(!mock.rows().is_empty());
    replay(&sandbox, &recording);
    judge::assert_whole(&mock, &recording);
    assert_same(&mock.rows(), &replayed(&recording).rows());
}

fn is_shown_as_before(name: &str) {
    assert_shown_as_before(&replayed(&Recording::open(name)), name);
}

fn assert_shown_as_before(mock: &MockLangfuse, name: &str) {
    for row in mock.rows() {
        crate::metadata::validate(&row);
    }
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name.replace('/', "_"), mock.snapshot()));
}

/// Replays all sessions of a complete recording.
fn replay(sandbox: &Sandbox, recording: &Recording) {
    for transcript in recording.sessions.iter().chain(&recording.agents) {
        sandbox.grow(transcript, usize::MAX);
    }
    sandbox.write_others(recording);
    let folder = sandbox.projects().display().to_string();
    sandbox.run(&["replay", &folder]).exits(0);
}

/// A server after a replay of a recording from fresh state.
fn replayed(recording: &Recording) -> MockLangfuse {
    let mock = MockLangfuse::start();
    replay(&Sandbox::traced(&mock), recording);
    mock.assert_nothing_lost();
    mock
}

fn assert_nothing_left(mock: &MockLangfuse, sandbox: &Sandbox, recording: &Recording) {
    let (requests, spans) = (mock.requests().len(), mock.arrivals().len());
    replay(sandbox, recording);
    let again = &mock.arrivals()[spans..];
    assert_eq!(mock.requests().len(), requests, "sent again: {again:?}");
}

/// Compares row by row, so that a failure names the differences.
fn assert_same(some: &[Row], others: &[Row]) {
    for (one, other) in some.iter().zip(others) {
        assert_eq!(one.to_json(), other.to_json());
    }
    assert_eq!(some.len(), others.len(), "rows by hooks and by replay");
}
