// SPDX-License-Identifier: GPL-3.0-only
/*
 * Times switches between two processes on one CPU, which send each other a byte: switches CPU ROUNDS SENDS [FILE]
 * Each reads a byte of FILE first. Prints ns for a switch, one line a round.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e9 + now.tv_nsec;
}

static void read_byte_of(const char *path)
{
	int fd = open(path, O_RDONLY);
	char byte;

	if (fd < 0 || read(fd, &byte, 1) != 1)
		err(1, "%s", path);
	close(fd);
}

int main(int argc, char **argv)
{
	int there[2], back[2];
	cpu_set_t cpus;
	char byte = 0;

	if (argc != 4 && argc != 5)
		errx(2, "switches CPU ROUNDS SENDS [FILE]");
	CPU_ZERO(&cpus);
	CPU_SET(atoi(argv[1]), &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus) || pipe(there) || pipe(back))
		err(1, "two processes on one CPU");

	long rounds = atol(argv[2]), sends = atol(argv[3]);
	pid_t child = fork();

	if (child < 0)
		err(1, "fork");
	if (argc == 5)
		read_byte_of(argv[4]);
	if (!child) {
		close(there[1]);
		while (read(there[0], &byte, 1) == 1)
			if (write(back[1], &byte, 1) != 1)
				err(1, "write");
		return 0;
	}
	for (long round = 0; round < rounds; round++) {
		double start = now_ns();

		for (long i = 0; i < sends; i++)
			if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
				err(1, "pipe");
		printf("%.2f\n", (now_ns() - start) / sends / 2);
	}
	return 0;
}
