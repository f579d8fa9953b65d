#!/bin/sh
# Stands in for Claude Code: does what the prompt says, writes a transcript as 2.1.332 does, and says that it cost 0.25 dollars.
case $1 in
--version) echo '2.1.332 (Claude Code)' && exit ;;
--help) echo 'options: --model --effort --permission-mode --max-budget-usd' && exit ;;
esac
mode=default model=claude-opus-5-5 session= settings=
while [ $# -gt 0 ]; do
  case $1 in
  --session-id) session=$2 && shift ;;
  --settings) settings=$2 && shift ;;
  --model=*) model=${1#*=} ;;
  --permission-mode=*) mode=${1#*=} ;;
  --max-budget-usd=*) echo "${1#*=}" >>"$HOME/budgets" ;;
  esac
  shift
done
prompt=$(cat)
folder=$HOME/.claude/projects/$(pwd | tr -c 'a-zA-Z0-9\n' -)
mkdir -p "$folder"
rows=$folder/$session.jsonl
echo left >"${TMPDIR:?}/left"
rest=${session#????????}
common='"isSidechain":false,"userType":"external","entrypoint":"sdk-cli","version":"2.1.332","gitBranch":"main","cwd":"'$PWD'","sessionId":"'$session'"'
at() { date -u "+%Y-%m-%dT%H:%M:%S.$1Z"; }
echo '{"type":"user","uuid":"aaaaaaaa'$rest'","parentUuid":null,"timestamp":"'$(at 001)'","promptSource":"sdk","turnOrigin":"sdk","permissionMode":"'$mode'","message":{"role":"user","content":"'$prompt'"},'$common'}' >>"$rows"
grep -q '"TRACE_TO_LANGFUSE":"false"' "$settings" || exit 9
echo "$prompt" >>"$HOME/started"

case $prompt in
*hang*) setsid sleep 600 & sleep 600 & wait ;;
*rubbish*) printf 'rubbish \377 {"is_error": maybe' && exit 0 ;;
*crash*) kill -9 $$ ;;
*fail*)
  echo '{"type":"result","is_error":true,"subtype":"success","terminal_reason":"api_error","total_cost_usd":0}'
  exit 1
  ;;
*leave*) setsid sleep 600 >/dev/null 2>&1 & chmod 500 . ;;
*spoil*)
  git checkout --quiet -b other && echo 1 >new && git add new && git -c user.name=a -c user.email=a@b commit --quiet --message spoil
  git push --quiet origin HEAD 2>/dev/null && touch "$HOME/pushed"
  git gc --quiet --prune=now
  git log --oneline >"$HOME/log"
  git config core.fsmonitor "touch $HOME/spoiled" && git config filter.x.clean "touch $HOME/spoiled"
  echo '* filter=x' >.gitattributes
  ;;
esac
case $prompt in
*right*) echo right >answer ;;
*) echo wrong >answer ;;
esac
grep -q 'Be right' CLAUDE.md 2>/dev/null && echo right >answer

echo '{"type":"assistant","uuid":"bbbbbbbb'$rest'","parentUuid":"aaaaaaaa'$rest'","timestamp":"'$(at 002)'","requestId":"req_011","message":{"id":"msg_01ABCDEFGHJKLMNPQRSTUVWX","type":"message","role":"assistant","model":"'$model'","content":[{"type":"text","text":"Done."}],"stop_reason":"end_turn","usage":{"input_tokens":100,"output_tokens":20}},'$common'}' >>"$rows"
echo '{"type":"cost-state","sessionId":"'$session'","totalCostUSD":0.25,"modelUsage":{}}' >>"$rows"
echo '{"type":"result","is_error":false,"subtype":"success","terminal_reason":"completed","total_cost_usd":0.25,"duration_ms":1500}'
