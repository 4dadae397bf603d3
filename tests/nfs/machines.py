# SPDX-License-Identifier: ISC
"""Virtual machines with Debian's kernel: a server of NFSv4, and its clients."""
import glob
import os
import re
import shutil
import subprocess

from images import mount_image
from programs import BUILD, PEERS, fresh_directory
from tap import bail_out, check, wait_for

directory = fresh_directory()
IMAGE, INITRD = directory + "/disk", directory + "/initrd"
KERNEL = (sorted(glob.glob(PEERS + "/boot/vmlinuz-*-cloud-amd64")) or [None])[-1]
PROGRAMS = [BUILD + "/" + name for name in ("smtp-handler", "smtp-relay", "smtp-maildir")]
PROGRAMS += [PEERS + "/usr/sbin/" + name for name in ("exportfs", "rpc.nfsd", "rpc.mountd")]
PROGRAMS += [shutil.which("busybox") or "busybox"]

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
    for path, text in (("test.conf", config), ("passwd", "root:x:0:0::/:/bin/sh\n"),
                       ("group", "root:x:0:\n"), ("services", "nfs 2049/tcp\n"),
                       ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"
                        "services: files\n"),
                       ("hosts", "127.0.0.1 localhost\n10.9.0.1 server\n10.9.0.2 client\n")):
        with open("%s/etc/%s" % (root, path), "w", encoding="ascii") as file:
            file.write(text)
    run("sh", "-c", "cd %s && find . | cpio --quiet -o -H newc | gzip -1 > %s" % (root, INITRD))
    shutil.rmtree(root)


class Machine:
    """A virtual machine; its console is a file."""

    count = 0

    def __init__(self, role, more=""):
        Machine.count += 1
        self.console = "%s/%s-%d" % (directory, role, Machine.count)
        peer = "client" if role == "server" else "server"
        if os.path.exists(directory + "/" + role):
            os.unlink(directory + "/" + role)
        argv = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-no-reboot",
                "-accel", "tcg", "-cpu", "max", "-display", "none", "-m", "384",
                "-serial", "file:" + self.console,
                "-kernel", KERNEL, "-initrd", INITRD, "-append",
                "console=ttyS0 quiet no_timer_check panic=-1 random.trust_cpu=on role=%s %s"
                % (role, more),
                "-netdev", "dgram,id=n,local.type=unix,local.path=%s/%s,remote.type=unix,"
                "remote.path=%s/%s" % (directory, role, directory, peer),
                "-device", "virtio-net-pci,netdev=n,mac=52:54:00:00:00:0%d" % (role == "server")]
        if role == "server":
            argv += ["-drive", "file=%s,format=raw,if=virtio" % IMAGE]
        with open(self.console, "w", encoding="ascii"):
            pass
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL)

    def said(self):
        with open(self.console, encoding="utf-8", errors="replace") as file:
            return file.read()

    def wait_for(self, text, deadline_s=120):
        check(wait_for(lambda: text in self.said() or self.process.poll() is not None, deadline_s)
              and text in self.said(), "no " + text, self.said()[-3000:])

    def goes_on(self, deadline_s=90):
        """It accepts more messages."""
        before = self.said().count("ACK")
        check(wait_for(lambda: self.said().count("ACK") > before, deadline_s),
              "no more mail is accepted", self.said()[-2000:])

    def kill(self):
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
