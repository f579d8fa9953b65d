#!/usr/bin/env bash
# run.sh FOLDER runs the steps of docs/experiments.md in a new folder: ten sessions of Claude Code, a dataset of them, an experiment
# with each of two versions of CLAUDE.md, and their comparison. It needs no account and costs nothing: model_api.py mocks the model's API.
#
# Needs claude-langfuse with keys of a Langfuse project, git and python3. CLAUDE_CODE: the program of Claude Code [default: claude]
set -euo pipefail
folder=$1
here=$(cd "$(dirname "$0")" && pwd)
claude=${CLAUDE_CODE:-claude}

mkdir "$folder"
cd "$folder"
python3 "$here/model_api.py" >port &
model=$!
trap 'kill "$model"' EXIT
until [ -s port ]; do sleep 0.1; done
ANTHROPIC_BASE_URL=http://127.0.0.1:$(cat port)
export ANTHROPIC_BASE_URL ANTHROPIC_API_KEY=none CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1

export GIT_AUTHOR_NAME=Dev GIT_AUTHOR_EMAIL=dev@example.org GIT_COMMITTER_NAME=Dev GIT_COMMITTER_EMAIL=dev@example.org
git init --quiet --initial-branch=main functions
cd functions
git remote add origin https://git.example.org/team/functions.git
mkdir lib tests .claude
cat >test.sh <<'END'
#!/bin/sh
# Tests each function that has a test.
passed=0 failed=0
for file in lib/*.sh; do . "./$file"; done
for test in tests/*; do
  if (. "./$test") 2>/dev/null; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED $test"; fi
done
echo "$passed passed, $failed failed in 0.01s"
[ "$failed" = 0 ]
END
chmod +x test.sh
echo '{"permissions": {"allow": ["Bash(./test.sh)"]}}' >.claude/settings.json
echo 'Each function has a file of its own in lib/.' >CLAUDE.md
echo 'true' >lib/none.sh
git add .
git commit --quiet --message 'Begin'

# The history: a test, a turn of Claude Code, and the developer's final version.
while IFS=$'\t' read -r name description test right; do
  echo "$test" >"tests/$name"
  git add .
  git commit --quiet --message "Test $name"
  prompt="Write the shell function $name in lib/$name.sh: it prints $description."
  "$claude" -p "$prompt" --permission-mode acceptEdits --output-format json </dev/null 2>/dev/null >>../history.json
  echo "$name() { $right; }" >"lib/$name.sh"
  git add .
  git commit --quiet --message "Add $name"
done < <(python3 "$here/model_api.py" prompts)

git checkout --quiet -b run-tests
echo 'Run ./test.sh before you answer, and mend what it reports.' >>CLAUDE.md
git commit --quiet --all --message 'Say to run the tests'
git checkout --quiet main

python3 -c 'import json, sys; print(*(json.loads(line)["session_id"] for line in sys.stdin), sep="\n")' <../history.json |
while read -r session; do
  claude-langfuse dataset add "$session#1" --dataset functions --create
done

for version in main run-tests; do
  claude-langfuse experiment run functions --cli "$claude" --instructions "$version" --name "$version" --check ./test.sh --yes
done
claude-langfuse experiment show run-tests
claude-langfuse experiment compare main run-tests
