"""Are there two mails in the folder, to two recipients, with what an arrival mail says? mail_check.py FOLDER"""
import email
import email.policy
import pathlib
import sys

mails = [email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in pathlib.Path(sys.argv[1]).glob("*.eml")]
assert sorted(mail["X-To"] for mail in mails) == ["a@example.jp", "b@example.jp"], [mail["X-To"] for mail in mails]
assert len({mail["Message-ID"] for mail in mails}) == 2
for mail in mails:
    assert not mail.defects, mail.defects
    assert mail["Subject"] == "【karipass】着信のお知らせ 06-0000-1111", mail["Subject"]
    assert str(mail["From"].addresses[0]) == "仮パス <karipass@example.jp>", mail["From"]
    assert mail["X-From"] == "karipass@example.jp" and mail["Message-ID"].endswith("@example.jp>")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content_type() == "text/plain"
    assert "発信者番号: 03-1234-5678" in mail.get_content(), mail.get_content()
