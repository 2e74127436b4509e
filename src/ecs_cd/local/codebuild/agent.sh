# Runs in the container: agent.sh NONCE. Reads lines `SHELL SCRIPT`, runs each script, and writes its exit status after the
# nonce, by which the reader of the log tells it from what scripts write.
exec 2>&1
while read -r shell script; do
    "$shell" "$script" </dev/null
    echo "$1 $?"
done
