"""The system calls that an answer never needs, refused by the kernel: a filter for bubblewrap.

Without new processes, threads, sockets and memory that belongs to no process, the limit on
the memory of one process is a limit on all of it. A thread costs the kernel memory that no
limit of the process counts, and a number that no other program of the machine gets.
"""

from __future__ import annotations

import errno
import platform
import struct

# name: (number on x86-64, number on 64-bit ARM); None where the machine has no such call
REFUSED: dict[str, tuple[int | None, int | None]] = {
    # processes and threads
    "clone": (56, 220),
    "fork": (57, None),
    "vfork": (58, None),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "kcmp": (312, 272),
    # network and sockets
    "socket": (41, 198),
    "socketpair": (53, 199),
    # memory outside of the limits
    "shmget": (29, 194),
    "shmat": (30, 196),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "tee": (276, 77),
    "vmsplice": (278, 75),
    "splice": (275, 76),
    "io_setup": (206, 0),
    "landlock_create_ruleset": (444, 444),
    "landlock_add_rule": (445, 445),
    "landlock_restrict_self": (446, 446),
    "modify_ldt": (154, None),
    # work for the whole machine
    "sync": (162, 81),
    "syncfs": (306, 267),
    "fanotify_init": (300, 262),
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "quotactl": (179, 60),
    "acct": (163, 89),
    "syslog": (103, 116),
    # doors of the kernel
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsmount": (432, 432),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "personality": (135, 92),
}
CLONE3 = (435, 435)
FCNTL = (72, 25)
SET_LEASE, NOTIFY, SET_PIPE_SIZE = 1024, 1026, 1031  # of fcntl: locks and memory of the kernel
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

# the classic BPF machine: load a word, compare, return
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
NUMBER, ARCH, SECOND_ARGUMENT = 0, 4, 24  # offsets in struct seccomp_data
ALLOW, ERRNO = 0x7FFF0000, 0x00050000


def program(machine: str = platform.machine()) -> bytes:
    """The filter, as the bytes that `bwrap --seccomp` reads."""
    if machine not in ARCHITECTURES:
        raise NotImplementedError(f"no table of system calls for {machine!r}")
    column = list(ARCHITECTURES).index(machine)
    refuse = (RETURN, 0, 0, ERRNO | errno.EPERM)
    code = [
        (LOAD, 0, 0, ARCH),
        (EQUAL, 1, 0, ARCHITECTURES[machine]),
        refuse,  # calls of another architecture
        (LOAD, 0, 0, NUMBER),
        (AT_LEAST, 0, 1, 0x40000000),
        refuse,  # the second numbering of x86-64, "x32"
    ]
    for numbers in REFUSED.values():
        if numbers[column] is not None:
            code += [(EQUAL, 0, 1, numbers[column]), refuse]
    # clone3 hides its flags from a filter; "no such call" makes libc fall back on clone.
    code += [(EQUAL, 0, 1, CLONE3[column]), (RETURN, 0, 0, ERRNO | errno.ENOSYS)]
    commands = (SET_LEASE, NOTIFY, SET_PIPE_SIZE)
    code += [(EQUAL, 0, 1 + 2 * len(commands), FCNTL[column]), (LOAD, 0, 0, SECOND_ARGUMENT)]
    for command in commands:
        code += [(EQUAL, 0, 1, command), refuse]
    code.append((RETURN, 0, 0, ALLOW))
    return b"".join(struct.pack("HBBI", *step) for step in code)
