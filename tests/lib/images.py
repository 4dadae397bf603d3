# SPDX-License-Identifier: ISC
"""Images of file systems, mounted by a loop device."""
import subprocess


def mount_image(image, folder, *options):
    """Mount an image: the loop device, which goes with the mount.  What mount(8) says is in the
    CalledProcessError.

    "mount -o loop" asks each loop device of the machine for its file.  It waits for ever if one of
    these files is on a file system whose server has stopped; losetup(8) asks only the kernel."""
    device = subprocess.run(["losetup", "--find", "--show", image], check=True,
                            capture_output=True, text=True).stdout.strip()
    try:
        subprocess.run(["mount", *options, device, folder], check=True, capture_output=True,
                       text=True)
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)
    return device
