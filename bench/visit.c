// SPDX-License-Identifier: GPL-3.0-only
/* Goes through cgroups, and reads and writes a file in each: visit FILE CALLS CGROUP... */
#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void enter_cgroup(const char *path)
{
	char procs[PATH_MAX];
	int fd;

	snprintf(procs, sizeof(procs), "%s/cgroup.procs", path);
	fd = open(procs, O_WRONLY);
	if (fd < 0 || write(fd, "0", 1) != 1)
		err(1, "%s", procs);
	close(fd);
}

int main(int argc, char **argv)
{
	static char block[4096];

	if (argc < 3)
		errx(2, "visit FILE CALLS CGROUP...");

	int fd = open(argv[1], O_RDWR);
	int calls = atoi(argv[2]);

	if (fd < 0)
		err(1, "%s", argv[1]);
	for (int i = 3; i < argc; i++) {
		enter_cgroup(argv[i]);
		for (int call = 0; call < calls; call++)
			if (pwrite(fd, block, sizeof(block), 0) < 0 || pread(fd, block, sizeof(block), 0) < 0)
				err(1, "%s", argv[1]);
		/* Has the kernel charge the CPU time to this cgroup, and not to the next one. */
		clock();
	}
	return 0;
}
