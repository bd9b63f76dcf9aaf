// SPDX-License-Identifier: GPL-3.0-only
/*
 * Times operations on files of a folder, in turns: calls CPU ROUNDS CALLS FOLDER
 * Prints one line with their names, separated by tabs, then one a round: ns for each.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int file, other, folder;

static long open_and_close(void)
{
	return close(openat(folder, "file", O_RDONLY));
}

static long sync_clean(void)
{
	return fdatasync(file);
}

static long stat_descriptor(void)
{
	struct stat found;

	return fstat(file, &found);
}

static long read_directory(void)
{
	static char entries[4096];

	return lseek(folder, 0, SEEK_SET) ?: syscall(SYS_getdents64, folder, entries, sizeof(entries));
}

static long create_and_remove(void)
{
	return mkdirat(folder, "made", 0700) ?: unlinkat(folder, "made", AT_REMOVEDIR);
}

static long rename_twice(void)
{
	return renameat(folder, "other", folder, "renamed") ?: renameat(folder, "renamed", folder, "other");
}

static long change_mode(void)
{
	return fchmod(file, 0600);
}

static long allocate(void)
{
	return fallocate(file, FALLOC_FL_KEEP_SIZE, 0, 4096);
}

static long copy_a_byte(void)
{
	off_t from = 0, to = 0;

	return copy_file_range(file, &from, other, &to, 1, 0);
}

static const struct {
	const char *name;
	long (*call)(void);
} operations[] = {
	{"open and close", open_and_close},
	{"fdatasync of a clean file", sync_clean},
	{"fstat", stat_descriptor},
	{"lseek and getdents64 of a directory", read_directory},
	{"mkdirat and unlinkat", create_and_remove},
	{"renameat there and back", rename_twice},
	{"fchmod", change_mode},
	{"fallocate of what is allocated", allocate},
	{"copy_file_range of 1 byte", copy_a_byte},
};
#define OPERATIONS (sizeof(operations) / sizeof(*operations))

/* The thread's own time: what else runs on this CPU is not in it. */
static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * 1e9 + now.tv_nsec;
}

static int make_file(const char *name)
{
	int fd = openat(folder, name, O_RDWR | O_CREAT, 0600);
	static char block[4096];

	if (fd < 0 || write(fd, block, sizeof(block)) != sizeof(block) || fsync(fd))
		err(1, "%s", name);
	return fd;
}

int main(int argc, char **argv)
{
	cpu_set_t cpus;

	if (argc != 5)
		errx(2, "calls CPU ROUNDS CALLS FOLDER");
	CPU_ZERO(&cpus);
	CPU_SET(atoi(argv[1]), &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		err(1, "sched_setaffinity");

	long rounds = atol(argv[2]), calls = atol(argv[3]);

	folder = open(argv[4], O_RDONLY | O_DIRECTORY);
	if (folder < 0)
		err(1, "%s", argv[4]);
	file = make_file("file");
	other = make_file("other");
	for (size_t i = 0; i < OPERATIONS; i++)
		printf("%s%c", operations[i].name, i + 1 < OPERATIONS ? '\t' : '\n');
	for (long round = 0; round < rounds; round++)
		for (size_t i = 0; i < OPERATIONS; i++) {
			double start = now_ns();

			for (long call = 0; call < calls; call++)
				if (operations[i].call() < 0)
					err(1, "%s", operations[i].name);
			printf("%.2f%c", (now_ns() - start) / calls, i + 1 < OPERATIONS ? '\t' : '\n');
		}
	return 0;
}
