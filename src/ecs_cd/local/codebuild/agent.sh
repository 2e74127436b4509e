# Runs in the container. Reads a nonce, then lines `SHELL SCRIPT`; runs each script, and writes its exit status after the
# nonce, by which the reader of the log tells it from what scripts write. No script sees the nonce, not even by `ps`.
exec 2>&1
read -r nonce
while read -r shell script; do
    "$shell" "$script" </dev/null
    echo "$nonce $?"
done
