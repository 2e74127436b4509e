# Runs the commands of one phase: phase.sh SUCCEEDING COMMAND... All phases of a build are as one shell: a phase begins
# with the variables and in the folder that the one before ended with. Its first failing command ends a phase.
_end() {
    pwd >/codebuild/folder
    env -0 >/codebuild/exported
    declare -p | sed '/^declare -[A-Za-z]*r/d' >/codebuild/variables
}
exec 2>&1
if [ -f /codebuild/variables ]; then . /codebuild/variables; fi
cd "$(cat /codebuild/folder)" || exit
export CODEBUILD_BUILD_SUCCEEDING=$1
shift
trap _end EXIT # also if a command is `exit`
for _command; do
    printf '%s' "$_command" >/codebuild/command
    printf '[Container] Running command %s\n' "$_command"
    eval "$_command"
    _status=$?
    if [ "$_status" != 0 ]; then exit "$_status"; fi
done
