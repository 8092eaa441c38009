/* Measures from a process so small that it does not show in the figures: what a child process
 * uses counts from its fork, and the memory of a large parent would count as the child's.
 *
 *   measure FD run PROGRAM ARGUMENT...   runs it; exits as it does
 *   measure FD register RULES            writes each line to the kernel's table: nothing but
 *                                        open, write and close of each
 *
 * writes "NANOSECONDS PEAK_BYTES PROCESSOR_NANOSECONDS" to descriptor FD.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char table[] = "/proc/sys/fs/binfmt_misc/register";
enum { LINES_MAX = 64, LINE_MAX_BYTES = 1920 }; /* the kernel takes no longer rule */

static long long now(void)
{
	struct timespec at;
	clock_gettime(CLOCK_MONOTONIC, &at);
	return at.tv_sec * 1000000000LL + at.tv_nsec;
}

static long long nanoseconds(struct timeval time)
{
	return time.tv_sec * 1000000000LL + time.tv_usec * 1000LL;
}

static void die(const char *what)
{
	perror(what);
	exit(127);
}

static int run(int fd, char **command)
{
	long long began = now();
	pid_t child = vfork();
	if (child < 0)
		die("vfork");
	if (child == 0) {
		execvp(command[0], command);
		_exit(127);
	}
	int status;
	struct rusage usage;
	if (wait4(child, &status, 0, &usage) < 0)
		die("wait4");
	dprintf(fd, "%lld %ld %lld\n", now() - began, usage.ru_maxrss * 1024,
		nanoseconds(usage.ru_utime) + nanoseconds(usage.ru_stime));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}

static int register_all(int fd, const char *file)
{
	static char lines[LINES_MAX][LINE_MAX_BYTES + 2];
	int count = 0;
	FILE *rules = fopen(file, "r");
	if (!rules)
		die(file);
	while (count < LINES_MAX && fgets(lines[count], sizeof lines[count], rules))
		lines[count][strcspn(lines[count], "\n")] = 0, count++;
	fclose(rules);

	long long began = now();
	for (int i = 0; i < count; i++) {
		int control = open(table, O_WRONLY | O_CLOEXEC);
		if (control < 0)
			die(table);
		if (write(control, lines[i], strlen(lines[i])) < 0)
			die(lines[i]);
		close(control);
	}
	dprintf(fd, "%lld 0 0\n", now() - began);
	return 0;
}

int main(int count, char **words)
{
	if (count >= 4 && strcmp(words[2], "run") == 0)
		return run(atoi(words[1]), words + 3);
	if (count == 4 && strcmp(words[2], "register") == 0)
		return register_all(atoi(words[1]), words[3]);
	fputs("usage: measure FD run PROGRAM ARGUMENT... | measure FD register RULES\n", stderr);
	return 2;
}
