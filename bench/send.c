// SPDX-License-Identifier: GPL-3.0-only
/*
 * Times signals that a process sends to itself and ignores: send CPU ROUNDS SIGNALS
 * Prints one line a round: ns for a signal.
 */
#define _GNU_SOURCE
#include <err.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* The thread's own time: what else runs on this CPU is not in it. */
static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * 1e9 + now.tv_nsec;
}

int main(int argc, char **argv)
{
	cpu_set_t cpus;
	long rounds, signals;

	if (argc < 4)
		errx(2, "send CPU ROUNDS SIGNALS");
	CPU_ZERO(&cpus);
	CPU_SET(atoi(argv[1]), &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		err(1, "cpu %s", argv[1]);
	rounds = atol(argv[2]);
	signals = atol(argv[3]);
	signal(SIGUSR1, SIG_IGN);
	for (long round = 0; round < rounds; round++) {
		double start = now_ns();

		for (long i = 0; i < signals; i++)
			kill(getpid(), SIGUSR1);
		printf("%.1f\n", (now_ns() - start) / signals);
	}
	return 0;
}
