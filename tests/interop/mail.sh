# aiosmtpd takes the mails: plain, after STARTTLS and over TLS with a login; it is down at first, and nothing is lost or sent twice.
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost -addext basicConstraints=critical,CA:FALSE \
  -addext subjectAltName=DNS:localhost,IP:127.0.0.1 2>/dev/null
post= mailer=
trap 'kill $mailer $post 2>/dev/null; stop' EXIT
sqlite() { python3 -c 'import sqlite3, sys; c = sqlite3.connect(sys.argv[1], 30); c.execute(sys.argv[2]); c.commit()' "$db" "$1"; }
sqlite "INSERT INTO setting VALUES ('0600001111', 'arrival-mail', 1, 1, '{\"addresses\":[\"a@example.jp\",\"b@example.jp\"]}', 0)"
wait_for() { for _ in $(seq 300); do eval "$1" && return 0; sleep 0.2; done; echo "not within a minute: $1"; "$karipass" mails --db "$db"; cat "$security"/*.log; return 1; }
# the system's Python is the one that Debian's aiosmtpd is for
for security in plain starttls tls; do
  mkdir "$security"; cp cert.pem key.pem "$security"
  # the mail server's port is taken once to be known, and the mails are queued while nobody listens there
  /usr/bin/python3 "$here/mail_server.py" "$security" "$security" 0 >"$security/first.log" 2>&1 & mailer=$!
  wait_for '[ -s $security/port ]'
  smtp_port=$(cat "$security/port"); kill "$mailer"; wait "$mailer" || true; rm "$security/port"
  case $security in
    plain) url=smtp://127.0.0.1:$smtp_port login=() ;;
    starttls) url=smtp+starttls://localhost:$smtp_port login=(KARIPASS_MAIL_USER=karipass KARIPASS_MAIL_PASSWORD=swordfish-48) ;;
    tls) url=smtps://localhost:$smtp_port login=(KARIPASS_MAIL_USER=karipass KARIPASS_MAIL_PASSWORD=swordfish-48) ;;
  esac
  # two servers on one store
  posts=()
  for server_number in 1 2; do
    env KARIPASS_MAIL_SMTP="$url" KARIPASS_MAIL_FROM="仮パス <karipass@example.jp>" SSL_CERT_FILE="$PWD/cert.pem" "${login[@]}" \
      "$karipass" serve --db "$db" --sip 127.0.0.1:0 --site 127.0.0.1:0 --rtp-ports 0 >/dev/null 2>"$security/post$server_number.log" &
    posts+=($!)
  done
  post="${posts[*]}"
  "$karipass" event arrival 0312345678 0600001111 --db "$db" | grep -q "mails: 2"
  wait_for '"$karipass" mails --state queued --db "$db" | grep -q ":$smtp_port: "'
  /usr/bin/python3 "$here/mail_server.py" "$security" "$security" "$smtp_port" >"$security/second.log" 2>&1 & mailer=$!
  wait_for '[ "$("$karipass" mails --state sent --db "$db" --json | wc -l)" = $((2 * (${done:-0} + 1))) ]'
  done=$((${done:-0} + 1))
  kill "$mailer" "${posts[@]}"; wait "$mailer" "${posts[@]}" || true; post= mailer=
  python3 "$here/mail_check.py" "$security"
  ! grep -r swordfish "$security"/*.log
  echo "$security: both mails, once"
done
