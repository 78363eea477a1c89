# linphonec keys by telephone events: number unit.
needs linphonec sox
. "$here/linphone.bash"
serve
linphone_calls 1 0
key_in number 27182818
verified number 0600001111 27182818
hang_up
recorded set
"$karipass" calls --db "$db" --json | grep -q '"rfc4733":12'
