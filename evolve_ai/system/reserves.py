"""What agents need of a machine, and what is reserved for others; budgets are made of these."""

import os

MIB = 1024 * 1024
MEMORY_SHARE = 0.7  # of the machine; the rest is for the life-cycle, the compiler and others
DISK_RESERVE = 1024 * MIB
INODE_RESERVE = 10_000

# A small agent.
AGENT_BYTES = 270 * 1024  # of memory: its own pages, and the kernel's for it
FOLDER_BYTES = 160 * 1024
FOLDER_INODES = 24
DESCRIPTORS_PER_AGENT = 2  # in our process: its two pipes
FILES_PER_AGENT = 9  # five descriptors of its own, two of ours, its program, its working folder
PIPE_PAGES = 32  # two pipes of full size

# The life-cycle and its workers.
OWN_MEMORY = 256 * MIB
OWN_PROCESSES = 50  # life-cycle, workers and compilers
# Never used by agents, however many they are: for our own files, sockets and compilers.
SPARE_DESCRIPTORS = 64
# What the process of a colony uses all the time, including a pool with one worker per core.
OWN_DESCRIPTORS = SPARE_DESCRIPTORS + 28 + 4 * (os.cpu_count() or 1)
