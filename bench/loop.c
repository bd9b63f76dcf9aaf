// SPDX-License-Identifier: GPL-3.0-only
/*
 * Times three system calls, in turns: loop CPU ROUNDS CALLS OVERLAY_FILE [DISK_FILE]
 * Prints one line a round: ns for a pread on overlayfs, a pread on the disk, and a getppid; without DISK_FILE the
 * first.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* The thread's own time: what else runs on this CPU is not in it. */
static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * 1e9 + now.tv_nsec;
}

static double read_ns(int fd, long calls)
{
	double start = now_ns();
	char byte;

	for (long i = 0; i < calls; i++)
		if (pread(fd, &byte, 1, 0) != 1)
			err(1, "pread");
	return (now_ns() - start) / calls;
}

static double getppid_ns(long calls)
{
	double start = now_ns();

	for (long i = 0; i < calls; i++)
		syscall(SYS_getppid);
	return (now_ns() - start) / calls;
}

static int open_file(const char *path)
{
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

int main(int argc, char **argv)
{
	cpu_set_t cpus;

	if (argc != 5 && argc != 6)
		errx(2, "loop CPU ROUNDS CALLS OVERLAY_FILE [DISK_FILE]");
	CPU_ZERO(&cpus);
	CPU_SET(atoi(argv[1]), &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		err(1, "sched_setaffinity");

	long rounds = atol(argv[2]), calls = atol(argv[3]);
	int overlay = open_file(argv[4]), disk = argc == 6 ? open_file(argv[5]) : -1;

	/* Fills the page cache, and whatever a tracer keeps for a thread. */
	read_ns(overlay, calls / 10 + 1);
	if (disk < 0) {
		for (long i = 0; i < rounds; i++)
			printf("%.2f\n", read_ns(overlay, calls));
		return 0;
	}
	read_ns(disk, calls / 10 + 1);
	for (long i = 0; i < rounds; i++) {
		double on_overlay = read_ns(overlay, calls);
		double on_disk = read_ns(disk, calls);

		printf("%.2f %.2f %.2f\n", on_overlay, on_disk, getppid_ns(calls));
	}
	return 0;
}
