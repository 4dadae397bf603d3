# SPDX-License-Identifier: ISC
"""Virtual machines with Debian's kernel: a server of NFSv4, and its clients."""
import glob
import os
import re
import shutil
import socket
import subprocess

from images import mount_image
from programs import BUILD, PEERS, fresh_directory
from tap import bail_out, check, wait_for

directory = fresh_directory()
IMAGE, INITRD = directory + "/disk", directory + "/initrd"
KERNEL = (sorted(glob.glob(PEERS + "/boot/vmlinuz-*-cloud-amd64")) or [None])[-1]
MODULES = "virtio_pci virtio_blk virtio_net veth ext4 nfsd nfsv4".split()    # as in guest
PROGRAMS = [BUILD + "/" + name
            for name in ("smtp-handler", "smtp-relay", "smtp-maildir", "smtp-queue")]
PROGRAMS += [PEERS + "/usr/sbin/" + name
             for name in ("exportfs", "rpc.nfsd", "rpc.mountd", "nfsdcld")]
PROGRAMS += [shutil.which("busybox") or "busybox", BUILD + "/tests/holdcall"]

if not KERNEL or not shutil.which("qemu-system-x86_64") or not shutil.which("busybox"):
    bail_out("no virtual machines here: type, as root, tools/deps.sh nfs")


def run(*argv, **more):
    done = subprocess.run(argv, capture_output=True, text=True, check=False, **more)
    check(done.returncode == 0, argv, done.stdout, done.stderr)
    return done.stdout


def put(root, source, target=None):
    path = root + (target or source)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    shutil.copy(source, path)


def drop_modules(folder):
    """Only what guest loads, with its needs and the ciphers: an emulator unpacks it."""
    with open(folder + "/modules.dep", encoding="ascii") as file:
        needs = dict(line.rstrip("\n").split(":") for line in file)
    kept = set()
    for module, others in needs.items():
        if re.sub(r".*/|\.ko.*", "", module) in MODULES or \
                module.startswith(("kernel/crypto/", "kernel/lib/", "kernel/arch/")):
            kept.update([module, *others.split()])
    for module in set(needs) - kept:
        os.unlink("%s/%s" % (folder, module))


def make_initrd(config):
    """A root with the programs, their libraries, the modules of the kernel and /etc/test.conf."""
    root = directory + "/root"
    release = re.sub(r".*/vmlinuz-", "", KERNEL)
    for folder in ("bin", "sbin", "proc", "sys", "dev", "tmp", "etc", "srv", "export", "run",
                   "usr/sbin", "var/lib/nfs/rpc_pipefs", "lib/modules"):
        os.makedirs("%s/%s" % (root, folder))
    environment = dict(os.environ, LD_LIBRARY_PATH=":".join(
        (PEERS + "/usr/lib/x86_64-linux-gnu", PEERS + "/lib/x86_64-linux-gnu")))
    for program in PROGRAMS:
        put(root, program, "/bin/" + os.path.basename(program))
        listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=False,
                                env=environment).stdout
        for library in re.findall(r"(/\S+) \(0x", listed):
            put(root, library, "/lib/" + os.path.basename(library))
        loader = re.search(r"(/lib64/ld-\S+) ", listed)
        if loader:
            put(root, loader[1])
    os.symlink("busybox", root + "/bin/sh")
    put(root, os.path.dirname(os.path.abspath(__file__)) + "/guest", "/init")
    shutil.copytree(PEERS + "/lib/modules/" + release, root + "/lib/modules/" + release)
    run("depmod", "-b", root, release)
    drop_modules(root + "/lib/modules/" + release)
    for path, text in (("test.conf", config), ("passwd", "root:x:0:0::/:/bin/sh\n"),
                       ("group", "root:x:0:\n"), ("services", "nfs 2049/tcp\n"),
                       ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"
                        "services: files\n"),
                       ("hosts", "127.0.0.1 localhost\n10.9.0.1 server\n10.9.0.2 client\n")):
        with open("%s/etc/%s" % (root, path), "w", encoding="ascii") as file:
            file.write(text)
    run("sh", "-c", "cd %s && find . | cpio --quiet -o -H newc > %s" % (root, INITRD))
    shutil.rmtree(root)


class Machine:
    """A virtual machine.  Its console is a file.  It runs the commands that a socket brings.

    Each of its peers is at the other end of a cable: two sockets, each with the name of a file.
    """

    count = 0

    def __init__(self, role, more="", name=None, peers=None):
        Machine.count += 1
        self.name, self.peers = name or role, peers or ["client" if role == "server" else "server"]
        self.console = "%s/%s-%d.log" % (directory, self.name, Machine.count)
        self.commands, self.number = "%s/commands-%d" % (directory, Machine.count), 0
        self.channel = None
        argv = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-no-reboot",
                "-accel", "tcg", "-cpu", "max", "-display", "none",
                "-m", "640" if role == "member" else "384",
                "-serial", "file:" + self.console,
                "-chardev", "socket,id=c,server=on,wait=off,path=" + self.commands,
                "-serial", "chardev:c",
                "-kernel", KERNEL, "-initrd", INITRD, "-append",
                "console=ttyS0 quiet no_timer_check panic=-1 random.trust_cpu=on mitigations=off "
                "nokaslr role=%s name=%s %s" % (role, self.name, more)]
        for i, peer in enumerate(self.peers):
            ends = [self.end(self.name, peer), self.end(peer, self.name)]
            if os.path.exists(ends[0]):
                os.unlink(ends[0])
            argv += ["-netdev", "dgram,id=n%d,local.type=unix,local.path=%s,remote.type=unix,"
                     "remote.path=%s" % (i, *ends),
                     "-device", "virtio-net-pci,netdev=n%d,mac=52:54:00:00:0%d:0%d"
                     % (i, i, role == "server")]
        if role == "server":
            argv += ["-drive", "file=%s,format=raw,if=virtio" % IMAGE]
        with open(self.console, "w", encoding="ascii"):
            pass
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, start_new_session=True)

    @staticmethod
    def end(name, peer):
        return "%s/%s-to-%s" % (directory, name, peer)

    def cut(self, now):
        """Pull the cables, or put them in again: the files have other names meanwhile."""
        for peer in self.peers:
            for end in self.end(self.name, peer), self.end(peer, self.name):
                os.rename(*(end, end + ".off") if now else (end + ".off", end))

    def start(self, command):
        """Start a command of the shell; ends() has the number that this returns."""
        if not self.channel:
            self.channel = socket.socket(socket.AF_UNIX)
            self.channel.connect(self.commands)
        self.number += 1
        self.channel.sendall(b"%d %s\n" % (self.number, command.encode("ascii")))
        return self.number

    def end_of(self, number, deadline_s=300):
        """The exit status of a command that was started."""
        done = wait_for(lambda: re.search(r"^DONE %d (\d+)\r?$" % number, self.said(), re.M),
                        deadline_s, 0.1)
        check(done, "%s does not end %d" % (self.name, number), self.said()[-3000:])
        return int(done[1])

    def run(self, command, deadline_s=300):
        return self.end_of(self.start(command), deadline_s)

    def said(self):
        with open(self.console, encoding="utf-8", errors="replace") as file:
            return file.read()

    def wait_for(self, text, deadline_s=300):
        check(wait_for(lambda: text in self.said() or self.process.poll() is not None, deadline_s)
              and text in self.said(), "no " + text, self.said()[-3000:])

    def wait_for_end(self, text, silence_s=300):
        """It reports this at last, and until then something else again and again."""
        known = None
        while text not in self.said() and self.said() != known:
            known = self.said()
            wait_for(lambda: self.said() != known or self.process.poll() is not None, silence_s)
        check(text in self.said(), "no " + text, self.said()[-3000:])

    def goes_on(self, deadline_s=300):
        """It accepts more messages."""
        before = self.said().count("ACK")
        check(wait_for(lambda: self.said().count("ACK") > before, deadline_s),
              "no more mail is accepted", self.said()[-2000:])

    def kill(self):
        if self.channel:
            self.channel.close()
        self.process.kill()
        self.process.wait()


def fresh_disk():
    if os.path.exists(IMAGE):
        os.unlink(IMAGE)
    with open(IMAGE, "wb") as file:
        file.truncate(256 << 20)
    run("mkfs.ext4", "-q", IMAGE)


def arrived():
    """{number: count} of the mailbox, and what is left in the queue."""
    folder = directory + "/mounted"
    os.makedirs(folder, exist_ok=True)
    mount_image(IMAGE, folder)
    try:
        counts = {}
        for path in glob.glob(folder + "/mail/bob/new/*"):
            with open(path, encoding="ascii") as file:
                number = re.search(r"^Subject: number (\d+)\n\ntext of \1\n$", file.read(), re.M)
            check(number, path)
            counts[int(number[1])] = counts.get(int(number[1]), 0) + 1
        return counts
    finally:
        run("umount", folder)


def acknowledged(machines):
    return {int(n) for machine in machines for n in re.findall(r"ACK (\d+)\b", machine.said())}


def begin():
    fresh_disk()
    server = Machine("server")
    server.wait_for("SERVER up")
    return server
