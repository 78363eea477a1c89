# twinkle-console requires 100rel: the service rings reliably, and the call goes on to its password. Number unit.
needs twinkle-console
. "$here/twinkle.bash"
printf '[sip]\nringing = true\n' >karipass.toml
serve --config karipass.toml
twinkle_profile="ext_100rel=required"
twinkle_calls
key_in number 10488088
recorded set
verified number 0600002222 10488088
echo quit >&7
trace=$(ls traces/*.pcapng)
"$karipass" calls show "$(basename "$trace" .pcapng)" --db "$db" --trace traces >ladder
grep -q '180 Ringing (INVITE)' ladder
grep -q 'PRACK ─' ladder
grep -q '200 OK (PRACK)' ladder
