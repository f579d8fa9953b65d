//! All keys, in the order of `docs/metadata.md`. A trace's key and an observation's key share no name but
//! `session_title`: Langfuse keeps both in one map.

use super::Place;

macro_rules! keys {
    ($($key:ident $name:literal $place:ident $meaning:literal)*) => {
        /// A key of the metadata, by its name in the program.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum MetadataKey {
            $(#[doc = $meaning] $key,)*
        }

        #[allow(dead_code, reason = "the tests hold what is sent and docs/metadata.md to the table")]
        impl MetadataKey {
            /// Every key.
            pub const ALL: &[Self] = &[$(Self::$key,)*];

            /// The name that is sent.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$key => $name,)*
                }
            }

            /// The observations that have it.
            pub const fn place(self) -> Place {
                match self {
                    $(Self::$key => Place::$place,)*
                }
            }

            /// The explanation in the documentation.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$key => $meaning,)*
                }
            }
        }
    };
}

keys! {
    SchemaVersion "schema_version" Trace "version of this contract"
    Project "project" Trace "name of the repository by its remote, else of its main folder, else of the folder in which the session was started; or `CC_LANGFUSE_PROJECT`"
    Repository "repository" Trace "host, owner and name of the git remote `origin`, without credentials"
    Branch "branch" Trace "git branch when the turn was opened"
    Cwd "cwd" Trace "working directory when the turn was opened"
    Entrypoint "entrypoint" Trace "how Claude Code was started: `cli`, `sdk-cli`, `sdk-py`, `sdk-ts` …"
    PermissionMode "permission_mode" Trace "permission mode when the turn was opened"
    PromptId "prompt_id" Trace "Claude Code's id of the prompt (another one in a fork)"
    PromptSource "prompt_source" Trace "`typed`, `queued`, `sdk` …"
    TurnOrigin "turn_origin" Trace "what opened the turn: `human`, `sdk`, `task_notification`, `scheduled` …"
    TurnNumber "turn_number" Trace "1-based number of the turn in its session"
    Warmup "warmup" Trace "`true`: an agent that Claude Code started for itself (2.0.76)"
    UnlinkedAgent "unlinked_agent" Trace "`true`: an agent that nothing links to a turn"
    ParentSession "parent_session" Trace "the session that this one was forked from"
    SessionTitle "session_title" Trace "title of the session when the turn was opened; on the root the one that it got within the turn, if that is another"
    ContentRejected "content_rejected" Any "why input and output are missing: the server refused them"
    Masked "masked" Any "secrets taken out, by kind: `github-token 2, jwt 1`"
    PushedBranch "pushed_branch" Any "tool, turn or agent's run: the branch that it pushed last"
    PullRequest "pull_request" Any "tool, turn or agent's run: URL of the pull request that it created or changed last"
    Commits "commits" Root "the commits that its commands made, in order, by the beginning of their hashes"
    FailedRequests "failed_requests" Root "requests that no answer refers to: failed attempts, and those that were stopped before the first block"
    Outcome "outcome" Root "why it has no answer, or not all of it: `interrupted`, `stopped`, `no answer`, `no result`, `failed`, `killed`, `API error 529`"
    OpeningRow "opening_row" Turn "`missing`: Claude Code rewrote the file, or began a new one, in the middle of the turn; the input is the summary of what was before"
    InstructionsHash "instructions_hash" Turn "hash of the instructions that rows of the session named until the turn's last answer: CLAUDE.md files, skills, commands, agent types; the one of `usage --by instructions`"
    RewoundFrom "rewound_from" Turn "uuid of the opening row of the turn that was left: before this turn the conversation went back to an earlier place"
    TurnsAbandoned "turns_abandoned" Turn "how many turns that left behind; they stay as they are"
    TaskId "task_id" Notification "the background task whose end was notified"
    TaskToolUseId "task_tool_use_id" Notification "the tool call that launched that task, or resumed that agent"
    TaskStatus "task_status" Notification "how it ended: `completed`, `failed`, `killed`, `stopped`"
    ParentTraceId "parent_trace_id" Turn "attached mode: the trace it was attached to"
    AgentId "agent_id" Agent "Claude Code's id of the agent"
    AgentType "agent_type" Agent "the kind of agent, e.g. `Explore`"
    AgentDescription "agent_description" Agent "what the model said the agent is for"
    AgentDepth "agent_depth" Agent "1 when the session itself launched it"
    WorkflowRun "workflow_run" Workflow "Claude Code's id of the workflow's run"
    WorkflowName "workflow_name" Workflow "what the workflow's script calls it"
    WorkflowStatus "workflow_status" Workflow "how the run ended: `completed`, `failed`, `killed`; `stopped`: lost with the process that ran it"
    WorkflowPhase "workflow_phase" Agent "the phase of the workflow whose step it is"
    AgentOutcome "agent_outcome" Agent "how it ended: `completed`, `failed`, `killed`; `stopped`: lost with the process that ran it"
    CompactionTrigger "compaction_trigger" Compaction "`manual`: asked for by a person; `auto`: the context was full"
    TokensBefore "tokens_before" Compaction "tokens of the conversation before the compaction"
    TokensAfter "tokens_after" Compaction "tokens of what the compaction left"
    MessageId "message_id" Generation "the API's id of the message"
    RequestId "request_id" Generation "the API's id of the request"
    RawModel "raw_model" Generation "the model's name as the API gave it, where it was changed to one that has a price"
    RequestedModel "requested_model" Generation "the model that was asked for, where another one answered"
    ActiveSkill "active_skill" Generation "the skill for which the call was made"
    StopReason "stop_reason" Generation "why the model stopped"
    InputKind "input_kind" Generation "`delta`: the input is what was new since the last call"
    Advisor "advisor" Generation "`true`: another model, which advised within the call above it"
    ThinkingTokens "thinking_tokens" Generation "output tokens that were thinking"
    WebSearchRequests "web_search_requests" Generation "searches that the API made itself; they have a price of their own, which no token count holds"
    WebFetchRequests "web_fetch_requests" Generation "pages that the API fetched itself"
    OutputTokensEstimated "output_tokens_estimated" Generation "`true`: no final count was written; at least so many"
    CutOff "cut_off" Generation "`true` when the stream was stopped"
    ToolUseId "tool_use_id" Tool "the API's id of the tool call"
    CausedBy "caused_by" Tool "span id of the model call that asked for it"
    McpServer "mcp_server" Tool "MCP: the server"
    McpTool "mcp_tool" Tool "MCP: the tool's name at the server"
    ErrorCategory "error_category" Tool "`exit code`, `invalid input`, `unknown tool`, `tool` (it failed itself), `denied`, `stopped`, `no result`"
    ExitCode "exit_code" Tool "exit code of a command that failed, or that ran in the background"
    Skill "skill" Tool "the skill that was called"
    DenialReason "denial_reason" Tool "why it was not run: `permission-rule`, `user-rejected`"
    PermissionDecision "permission_decision" Tool "`accept` or `reject`"
    PermissionSource "permission_source" Tool "who or what decided"
    OutputFile "output_file" Tool "file with all of an output that was too large for the model, which got its beginning"
    OutputFileBytes "output_file_bytes" Tool "size of that file in bytes"
    Commit "commit" Tool "the commit that the command made, by the beginning of its hash"
    CommitKind "commit_kind" Tool "`committed`, `amended`, `cherry-picked`"
    AgentStatus "agent_status" Tool "state of the launched agent, as the tool's result says"
    BackgroundTaskId "background_task_id" Tool "the background task that it launched"
    BackgroundTaskStatus "background_task_status" Tool "how that task ended, where it did before the next turn: `completed`, `failed`, `killed`"
    EventUuid "event_uuid" Event "uuid of the row"
    HttpStatus "http_status" Event "failed call: the status of the API's answer"
    ApiError "api_error" Event "failed call: the kind of error, e.g. `overloaded_error`, `max_output_tokens`"
    Attempt "attempt" Event "failed call that was tried again: which attempt it was, from 1 on"
}
