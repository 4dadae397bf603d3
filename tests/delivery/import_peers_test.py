# SPDX-License-Identifier: ISC
"""Configurations of other programs, imported, deliver to Exim with a login.  It needs root."""
import email
import email.utils
import glob
import os
import re
import stat
import subprocess

from certificates import Authority
from exchangers import Exchanger
from nameservers import nsd
from programs import BUILD, HANDLER, RELAY, Site, fresh_directory, peer_environment
from receivers import really_root
from tap import bail_out, check, main, same, test, wait_for
from tls_receivers import Exim, prepare

if not really_root():
    bail_out("Exim changes its user: run this as root")
fresh_directory()
prepare()
authority = Authority("/mnt/receivers/ca")
ADDRESS, PASSWORD = "192.0.2.45", "s3cret-pass"
exim = Exim(ADDRESS, "exim.example.org", authority.leaf("exim-import", ADDRESS), "exim-import",
            ("anna", PASSWORD, "PLAIN"))
IMPORT = BUILD + "/smtp-handler-import"

# The files of each program, below a folder that stands for the root.
KINDS = {
    "msmtp": {"etc/msmtprc": """
defaults
tls on
tls_trust_file CA
account provider
host ADDRESS
port 25
auth on
user anna
password "PASSWORD"
account default : provider
"""},
    "ssmtp": {"etc/ssmtp/ssmtp.conf": """
mailhub=ADDRESS:465
UseTLS=YES
AuthUser=anna
AuthPass=PASSWORD
TLS_CA_File=CA
"""},
    "dma": {"etc/dma/dma.conf": """
SMARTHOST ADDRESS
PORT 465
SECURETRANSFER
AUTHPATH /etc/dma/auth.conf
NULLCLIENT
""", "etc/dma/auth.conf": "anna|ADDRESS:PASSWORD\n"},
    "nullmailer": {"etc/nullmailer/remotes":
                   "ADDRESS smtp --tls --user=anna --pass='PASSWORD' --x509cafile=CA\n"},
    "postfix": {"etc/postfix/main.cf": """
mydestination =
host = ADDRESS
relayhost = [$host]
smtp_tls_security_level = encrypt
smtp_tls_CAfile =
  CA
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = hash:/etc/postfix/sasl_passwd
""", "etc/postfix/sasl_passwd": "[ADDRESS]  anna:PASSWORD\n"},
    "exim": {"etc/exim4/update-exim4.conf.conf": """
dc_eximconfig_configtype='satellite'
dc_smarthost='ADDRESS::465'
""", "etc/exim4/exim4.conf.localmacros": "REMOTE_SMTP_SMARTHOST_PROTOCOL = smtps\n",
             "etc/exim4/passwd.client": "*:anna:PASSWORD\n"},
    "opensmtpd": {"etc/smtpd.conf": """
table secrets file:/etc/secrets
action "out" relay host smtps://label@ADDRESS auth <secrets>
match from local for any action "out"
""", "etc/secrets": "label anna:PASSWORD\n"},
}


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, timeout=30,
                          env={"PATH": os.environ["PATH"]}, **more)


def lay_out(site, files):
    """Write the files of the other program; the folder that stands for the root."""
    root = site.directory + "/root"
    for path, text in files.items():
        os.makedirs(os.path.dirname(root + "/" + path), exist_ok=True)
        with open(root + "/" + path, "w") as file:
            file.write(text.replace("ADDRESS", ADDRESS).replace("PASSWORD", PASSWORD)
                       .replace("CA\n", authority.file + "\n"))
    return root


def imported(kind):
    """A site with the imported configuration."""
    site = Site("import-" + kind, "[relay]\ntls-ca-file = %s\n" % authority.file)
    root = lay_out(site, KINDS[kind])
    done = run(IMPORT, "--root", root, "--write", site.directory)
    same(done.returncode, 0, done.stderr)
    same(done.stdout, "")
    check(PASSWORD not in done.stderr, done.stderr)
    return site, root


for kind in KINDS:
    @test("%s: an imported configuration delivers after a login" % kind)
    def _(kind=kind):
        had = len(exim.messages())
        site, _ = imported(kind)
        for program in HANDLER, RELAY:
            done = run(program, "-c", site.config, "--check")
            same((done.returncode, done.stdout + done.stderr), (0, ""))
        site.listen()
        site.send("bob@far.example")
        site.stop()
        site.relay()
        check(wait_for(lambda: len(exim.messages()) == had + 1, 20), exim.says()[-3000:],
              site.log()[-3000:])
        check(b"(user anna)" in exim.messages()[-1], exim.messages()[-1])
        same(site.queued(), [], site.log())


@test("files: rights, and nothing is replaced without --force")
def _():
    site, root = imported("msmtp")
    password = site.directory + "/import-%s.password" % ADDRESS
    same(stat.S_IMODE(os.stat(password).st_mode), 0o600)
    same(open(password).read(), PASSWORD + "\n")
    config = site.directory + "/conf.d/50-imported.conf"
    same(stat.S_IMODE(os.stat(config).st_mode), 0o644)
    check(PASSWORD not in open(config).read(), open(config).read())
    with open(password, "w") as file:
        file.write("mine\n")
    done = run(IMPORT, "--root", root, "--write", site.directory)
    same((done.returncode, open(password).read()), (73, "mine\n"), done.stderr)
    check("--force" in done.stderr, done.stderr)
    same(run(IMPORT, "--root", root, "--write", site.directory, "--force").returncode, 0)
    same(open(password).read(), PASSWORD + "\n")
    same(glob.glob(site.directory + "/**/*.new", recursive=True), [])


@test("a name that is taken leads no secret to a reader, another file or a pipe")
def _():
    site = Site("import-taken")
    root = lay_out(site, KINDS["msmtp"])
    folder = site.directory + "/out"
    new = folder + "/import-%s.password.new" % ADDRESS
    victim = site.directory + "/victim"
    os.mkdir(folder)
    with open(victim, "w") as file:
        file.write("mine\n")
    os.chmod(victim, 0o644)
    for take in os.link, os.symlink, lambda _, name: os.mkfifo(name):
        take(victim, new)
        with open(victim) as reader:
            done = run(IMPORT, "--root", root, "--write", folder, "--force", umask=0)
            same((done.returncode, reader.read()), (0, "mine\n"), done.stderr)
        st = os.stat(victim)
        same((stat.S_IMODE(st.st_mode), st.st_uid), (0o644, os.geteuid()))
        st = os.lstat(new[:-4])
        same((stat.S_IFMT(st.st_mode), stat.S_IMODE(st.st_mode), st.st_nlink),
             (stat.S_IFREG, 0o600, 1))
        same(open(new[:-4]).read(), PASSWORD + "\n")


@test("an error while files are written changes nothing; the umask hides no configuration")
def _():
    site = Site("import-error")
    root = lay_out(site, KINDS["msmtp"])
    folder = site.directory + "/out"
    password = folder + "/import-%s.password" % ADDRESS
    os.makedirs(folder + "/conf.d/50-imported.conf")
    with open(password, "w") as file:
        file.write("mine\n")
    done = run(IMPORT, "--root", root, "--write", folder, "--force")
    same((done.returncode, open(password).read()), (73, "mine\n"), done.stderr)
    check("nothing changed: " in done.stderr and "Is a directory" in done.stderr, done.stderr)
    same(sorted(os.listdir(folder)), ["conf.d", os.path.basename(password)])
    os.rmdir(folder + "/conf.d/50-imported.conf")
    os.rmdir(folder + "/conf.d")
    done = run(IMPORT, "--from", "msmtp", "--write", "/etc", "-", input="host a\n", user="nobody")
    same((done.returncode, done.stderr), (73, "smtp-handler-import: nothing changed: "
                                              "/etc/conf.d/50-imported.conf: Permission denied\n"))
    same(run(IMPORT, "--root", root, "--write", folder, "--force", umask=0o077).returncode, 0)
    same(stat.S_IMODE(os.stat(folder + "/conf.d").st_mode), 0o755)
    same(stat.S_IMODE(os.stat(folder + "/conf.d/50-imported.conf").st_mode), 0o644)
    same(stat.S_IMODE(os.stat(password).st_mode), 0o600)


@test("a full disk gets no part of the files, and the message has the cause")
def _():
    site = Site("import-full")
    root = lay_out(site, KINDS["msmtp"])
    folder = site.directory + "/disk"
    os.mkdir(folder)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "none", folder], check=True)
    try:
        os.mkdir(folder + "/conf.d")
        with open(folder + "/conf.d/filler", "w") as file:
            file.write("x" * 4096)
        done = run(IMPORT, "--root", root, "--write", folder)
        same(done.returncode, 73, done.stderr)
        check("No space left on device" in done.stderr, done.stderr)
        same(os.listdir(folder), ["conf.d"])
        same(os.listdir(folder + "/conf.d"), ["filler"])
    finally:
        subprocess.run(["umount", folder], check=True)


@test("text of another system, files that cannot be read, and paths below --root")
def _():
    site = Site("import-text")
    text = "\ufeffmydestination =\r\nrelayhost =\r\n  [a.example]:587\r\n# x\r\n"
    done = run(IMPORT, "--from", "postfix", "-", input=text)
    check("\nvia = smtp://a.example:587\t# -:2\n" in done.stdout and
          not set(done.stdout + done.stderr) & set("\r\ufeff"), done.stdout, done.stderr)
    same((done.returncode, done.stderr), (0, ""))
    fifo = site.directory + "/main.cf"
    os.mkfifo(fifo)
    done = run(IMPORT, fifo)
    same((done.returncode, done.stderr), (66, fifo + ": it is left out: it is no regular file; "
                                              "a pipe can be standard input\n"))
    os.chmod(site.directory, 0o755)
    os.unlink(fifo)
    os.close(os.open(fifo, os.O_CREAT | os.O_WRONLY, 0o600))
    done = run(IMPORT, fifo, user="nobody")
    same((done.returncode, done.stderr), (66, fifo + ": it is left out: Permission denied\n"))
    lay_out(site, KINDS["dma"])
    done = run(IMPORT, "--root", site.directory + "/root", "dma", cwd=site.directory +
               "/root/etc")
    check(done.returncode == 0 and "[route *]" in done.stdout, done.stdout, done.stderr)
    done = run(IMPORT, "--root", site.directory + "/root", "/etc/dma/")
    check(done.returncode == 0 and "[route *]" in done.stdout, done.stdout, done.stderr)


@test("--root: links and names with .. stay in that folder")
def _():
    site = Site("import-root")
    root = lay_out(site, KINDS["postfix"])
    table = root + "/etc/postfix/sasl_passwd"
    with open(site.directory + "/sasl", "w") as file:
        file.write("[%s] eve:of-this-machine\n" % ADDRESS)
    os.rename(table, root + "/moved")
    for target in site.directory + "/sasl", "../../../sasl":
        os.symlink(target, table)
        done = run(IMPORT, "--root", root)
        same(done.returncode, 0)
        check("eve" not in done.stdout and "write its user into [route *]" in done.stderr,
              done.stdout, done.stderr)
        os.unlink(table)
    os.symlink("/moved", table)
    done = run(IMPORT, "--root", root)
    check("\nuser = anna\t" in done.stdout, done.stdout, done.stderr)


@test("mail waits, and --check fails, where a smarthost cannot be imported")
def _():
    site = Site("import-held", resolver="127.0.0.1")
    nsd(site.directory + "/nsd", {"far.example": "@ MX 10 mx\nmx A 192.0.2.46\n", "invalid": ""},
        address="127.0.0.1")
    far = Exchanger("192.0.2.46")
    root = lay_out(site, {"etc/postfix/main.cf":
                          "mydestination =\nrelayhost = [${{a} <level {b} ? {x} : {y}}]\n"})
    same(run(IMPORT, "--root", root, "--write", site.directory).returncode, 0)
    text = open(site.directory + "/conf.d/50-imported.conf").read()
    check("# the value of relayhost is unknown. The mail waits until you write via, and user and\n"
          "# password-file or neither.\nvia = " in text, text)
    same(run(HANDLER, "-c", site.config, "--check").returncode, 0)
    done = run(RELAY, "-c", site.config, "--check")
    check(done.returncode == 78 and "[route *] password-file: " in done.stderr and
          "/import-write-the-host-here.password: No such file" in done.stderr, done.stderr)
    site.listen()
    site.send("bob@far.example")
    site.stop()
    site.relay()
    check("address of write-the-host-here.invalid" in site.log(), site.log())
    same((len(site.queued()), far.messages), (1, []), site.log())


@test("a table of 1300 senders and one of too many take little memory")
def _():
    site = Site("import-large")
    for senders, code, words in (1300, 0, ""), (60000, 71, "too many settings"):
        table = "".join("u%d@b.c x:%s\n" % (i, PASSWORD[:1]) for i in range(senders))
        root = lay_out(site, {"etc/postfix/sasl": table + "#" * (1048000 - len(table)) + "\n",
                              "etc/postfix/main.cf": """
mydestination =
relayhost = [a.example]
smtp_sasl_auth_enable = yes
smtp_sender_dependent_authentication = yes
smtp_sasl_password_maps = hash:/etc/postfix/sasl
"""})
        done = run("prlimit", "--as=%d" % (400 << 20), IMPORT, "--root", root)
        same(done.returncode, code, done.stderr[-300:])
        check(words in done.stderr, done.stderr[-300:])
        same(done.stdout.count("user = x\t"), senders if code == 0 else 0)


@test("--run-commands: the first line is kept, and no command or no output is no password")
def _():
    site = Site("import-commands")
    text = "host a.example\ntls on\nauth on\nuser anna\n"
    path = site.directory + "/import-a.example.password"
    for command in "echo; echo x", "true", "echo x; false":
        done = run(IMPORT, "--run-commands", "--from", "msmtp", "--write", site.directory,
                   "--force", "-", input=text + "passwordeval %s\n" % command)
        same((done.returncode, os.path.exists(path)), (0, False), done.stderr)
        check("-:4: the command for the password failed, or printed nothing\n" in done.stderr,
              done.stderr)
    done = run(IMPORT, "--run-commands", "--from", "msmtp", "--write", site.directory, "--force",
               "-", input=text)
    check("there is no password" in done.stderr and "failed" not in done.stderr, done.stderr)
    check("sh:" not in done.stderr, done.stderr)
    long = "p" * 1500
    done = run(IMPORT, "--run-commands", "--from", "msmtp", "--write", site.directory, "--force",
               "-", input=text + "passwordeval printf '%s\\nx\\n'\n" % long)
    same((done.returncode, open(path).read()), (0, long + "\n"), done.stderr)


@test("standard input, commands that print passwords, and what is no configuration")
def _():
    site = Site("input")
    root = lay_out(site, KINDS["postfix"])
    text = open(root + "/etc/postfix/main.cf").read()
    done = run(IMPORT, "--root", root, "--from", "postfix", "-", input=text)
    check(done.returncode == 0 and "\n[route *]\nvia = smtp+starttls://%s:25\t# -:4\n" % ADDRESS
          in done.stdout, done.stdout, done.stderr)
    command = "host a.example\ntls on\nauth on\nuser anna\npasswordeval printf from-%s command\n"
    folder = site.directory + "/out"
    os.mkdir(folder)
    done = run(IMPORT, "--run-commands", "--from", "msmtp", "--write", folder, "-", input=command)
    same(done.returncode, 0, done.stderr)
    same(open(folder + "/import-a.example.password").read().strip(), "from-command")
    same(run(IMPORT, "-", input="x").returncode, 64)
    same(run(IMPORT, "--from", "msmtp", "-", input="a\0b").returncode, 65)
    same(run(IMPORT, "--from", "msmtp", "-", input="#" * (1 << 20 | 1)).returncode, 65)
    same(run(IMPORT, "--root", site.directory + "/out").returncode, 66)
    same(run(IMPORT, "--from", "sendmail").returncode, 64)
    lay_out(site, KINDS["dma"])
    done = run(IMPORT, "--root", root)
    check(done.returncode == 64 and "/etc/dma/dma.conf" in done.stderr
          and "/etc/postfix/main.cf" in done.stderr, done.stderr)
    same(run(IMPORT, "--root", root, "/etc/dma").returncode, 0)


def fields(text):
    """The subject, and the addresses that others see."""
    message = email.message_from_string(text)
    return message["Subject"], [email.utils.parseaddr(message[name])[1].lower()
                                for name in ("From", "Sender")]


def letter(sender):
    return "From: Name <%s>\r\nSender: %s\r\nSubject: %s\r\n\r\n" % (sender, sender, sender)


def our_senders(kind, files, senders):
    """By sender: reverse-path, From and Sender with the imported configuration."""
    site = Site("senders-" + kind)
    root = lay_out(site, files)
    done = run(IMPORT, "--root", root, "--write", site.directory)
    same(done.returncode, 0, done.stderr)
    done = run(HANDLER, "-c", site.config, "--check")
    same((done.returncode, done.stdout + done.stderr), (0, ""))
    done = run(HANDLER, "-c", site.config, "-o", "server.role=submission", "--print",
               input="EHLO there.example\r\n" + "".join(
                   "MAIL FROM:<%s>\r\nRCPT TO:<bob@far.example>\r\nDATA\r\n%s.\r\n"
                   % (sender, letter(sender)) for sender in senders) + "QUIT\r\n")
    found = {}
    for part in re.split(r"^MAIL FROM:<", done.stderr, flags=re.M)[1:]:
        path, text = part.split(">", 1)
        subject, addresses = fields(text[text.index("Received:"):])
        found[subject] = [path.lower()] + addresses
    same(len(found), len(senders), done.stdout, done.stderr)
    return found


# By program: its files, and the address that a sender gets.
SENDERS = {
    "msmtp": ({"etc/msmtprc": """
account work
host a.example
from work@h.example.org
account default
host b.example
maildomain h.example.org
from %U@provider.example
"""}, {"root": "root@provider.example", "www@h.example.org": "www@provider.example",
       "work@h.example.org": "work@h.example.org", "x@y.example": "x@y.example"}),
    "ssmtp": ({"etc/ssmtp/ssmtp.conf": "mailhub=a.example\nrewriteDomain=h.example.org\n",
               "etc/ssmtp/revaliases": "root:me@provider.example:b.example:587\n"
                                       "www:web@provider.example\n"},
              {"root": "me@provider.example", "www@h.example.org": "web@provider.example",
               "ben": "ben@h.example.org"}),
    "dma": ({"etc/dma/dma.conf": "NULLCLIENT\nSMARTHOST a.example\nMAILNAME h.example.org\n"
                                 "MASQUERADE me@provider.example\n"},
            {"root": "me@provider.example", "x@y.example": "x@y.example"}),
    "nullmailer": ({"etc/nullmailer/remotes": "a.example\n",
                    "etc/nullmailer/defaulthost": "h.example.org\n",
                    "etc/nullmailer/allmailfrom": "me@provider.example\n"},
                   {"root": "me@provider.example", "x@h.example.org": "me@provider.example"}),
}

for kind in SENDERS:
    @test("%s: senders get the address that they have elsewhere" % kind)
    def _(kind=kind):
        files, want = SENDERS[kind]
        same(our_senders(kind, files, list(want)),
             {sender: [address] * 3 for sender, address in want.items()})


@test("addresses of 16384 senders are translated, and none of more")
def _():
    for n in 16384, 16385:
        site = Site("senders-%d" % n)
        root = lay_out(site, {
            "etc/postfix/main.cf": "myhostname = h.example.org\nmydestination =\n"
                                   "sender_canonical_maps = hash:/etc/senders\n",
            "etc/senders": "".join("u%d@d%d.example a%d@x.example\n" % (i, i, i)
                                   for i in range(n))})
        done = run(IMPORT, "--root", root, "--write", site.directory)
        same(done.returncode, 0, done.stderr)
        path = site.directory + "/import-host.masquerade"
        lines = open(path).read().splitlines() if os.path.exists(path) else []
        same(len(lines), n if n == 16384 else 0)
        check(lines or "/etc/senders:16385: there are more than 16384" in done.stderr, done.stderr)


@test("exim: addresses of users and a hidden name, as by the rules of Debian")
def _():
    addresses = ("anna: anna.smith@provider.example\nben ben2@b.example\n"
                 "carl:   carl@h.example.org\n")
    senders = ["anna", "ANNA@h.example.org", "anna@localhost", "anna@b.example",
               "anna@box.example.org", "anna@far.example", "ben", "ben@box.example.org", "carl",
               "carl@localhost", "dora", "dora@b.example", "dora@far.example", "dora@localhost"]
    ours = our_senders("exim", {
        "etc/exim4/update-exim4.conf.conf": """
dc_eximconfig_configtype='smarthost'
dc_other_hostnames='h.example.org:b.example'
dc_readhost='example.org'
dc_smarthost='a.example'
dc_hide_mailname='true'
dc_localdelivery='maildir_home'
""", "etc/email-addresses": addresses, "etc/mailname": "h.example.org\n",
        "etc/hostname": "box.example.org\n"}, senders)
    directory = os.path.dirname(exim.directory) + "/exim-senders"
    owner = os.stat(exim.directory).st_uid
    for path in directory, directory + "/spool":
        os.mkdir(path)
        os.chown(path, owner, owner)
    with open(directory + "/addresses", "w") as file:
        file.write(addresses)
    with open(directory + "/conf", "w") as file:
        file.write("""primary_hostname = box.example.org
qualify_domain = h.example.org
spool_directory = {0}/spool
log_file_path = {0}/log-%s
exim_user = {1}
exim_group = {1}
never_users =
keep_environment =
domainlist local_domains = @ : localhost : h.example.org : b.example
begin routers
smarthost:
  driver = manualroute
  domains = ! +local_domains
  transport = smarthost
  route_list = * 127.0.0.8 byname
  self = send
begin transports
smarthost:
  driver = smtp
  port = 26
  headers_rewrite = *@+local_domains $1@example.org frs : *@h.example.org $1@example.org frs
  return_path = ${{if match_domain{{$sender_address_domain}}{{+local_domains}}\
{{${{sender_address_local_part}}@example.org}}fail}}
begin rewrite
*@+local_domains "${{lookup{{${{local_part}}}}lsearch{{{0}/addresses}}{{$value}}fail}}" Ffrs
*@h.example.org "${{lookup{{${{local_part}}}}lsearch{{{0}/addresses}}{{$value}}fail}}" Ffrs
""".format(directory, owner))
    sink, theirs = Exchanger("127.0.0.8", 26), {}
    for sender in senders:
        done = subprocess.run(["/usr/sbin/exim4", "-C", directory + "/conf", "-odf", "-i", "-f",
                               sender, "bob@far.example"], input=letter(sender), text=True,
                              capture_output=True, timeout=30, env=peer_environment())
        same(done.returncode, 0, done.stderr)
    for message in sink.messages:
        subject, found = fields(message.content.decode())
        theirs[subject] = [message.mail_from.lower()] + found
    sink.stop()
    for sender in senders:
        same((sender, ours[sender]), (sender, theirs.get(sender)))


main(lambda failed: None)
