"""What agents take of a machine, and what of it is kept for others: limits are made of these."""

import os

MIB = 1024 * 1024
MEMORY_SHARE = 0.7  # of the machine; the rest is for the life-cycle, the compiler and others
DISK_RESERVE = 1024 * MIB
INODE_RESERVE = 10_000

# A small agent.
AGENT_BYTES = 270 * 1024  # of memory: its own pages, and the kernel's for it
FOLDER_BYTES = 200 * 1024
FOLDER_INODES = 40
DESCRIPTORS_PER_AGENT = 2  # of ours: its two pipes
FILES_PER_AGENT = 9  # five descriptors of its own, two of ours, its program, its working folder
PIPE_PAGES = 32  # two pipes at full size

# The life-cycle and its workers.
OWN_MEMORY = 256 * MIB
OWN_PROCESSES = 50  # they, and the compilers
# Never used up by agents: for files, sockets and compilers of our own, however many they are.
SPARE_DESCRIPTORS = 64
# And what a process that has a colony holds all the time, its pool of a worker a core among it.
OWN_DESCRIPTORS = SPARE_DESCRIPTORS + 28 + 4 * (os.cpu_count() or 1)
