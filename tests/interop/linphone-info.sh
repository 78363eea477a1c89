# linphonec keys by SIP INFO: line unit.
needs linphonec sox
. "$here/linphone.bash"
serve
linphone_calls 0 1
key_in line 31415926
verified line 0600001111 31415926
hang_up
recorded set
"$karipass" calls --db "$db" --json
"$karipass" calls --db "$db" --json | grep -q '"rfc4733":0,"inband":0,"info":22'
