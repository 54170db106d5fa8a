/*
 * pty -- a program in a pseudo-terminal, driven by lines on standard input.
 *
 *      pty ROWS COLS PROGRAM [ARGUMENT...] < steps
 *
 *      expect TEXT        read until TEXT has come, behind what was expected before
 *      type KEYS          \e \r \t \\ and \xHH are what they are in C
 *      resize ROWS COLS
 *      kill SIGNAL        TERM HUP QUIT SEGV ABRT BUS TSTP WINCH
 *      run COMMAND        by the shell, outside the terminal
 *      stopped            the program has stopped, and the terminal is as it was
 *      continue           in the foreground, as `fg' does
 *      ends STATUS        it has ended with it (128 + a signal), and the terminal is as it was
 *
 * The program is a job of a shell of our own in a session of its own, so that it
 * can be stopped.  Nothing is timed: what does not come in twenty seconds is a
 * failure, with what came last on standard error.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE = 20, ROOM = 4 << 20, TAIL = 600 };

static struct {
	int master;
	int told, tell;         /* reports of the shell; a byte lets the program go on */
	pid_t shell, program;
	char seen[ROOM];
	size_t n, from;         /* `from': what came before has been expected */
} P;

/* ---------------------------------------------------------------- the shell */

static const char *modes(const struct termios *before)
{
	struct termios now;

	tcgetattr(STDIN_FILENO, &now);
	return now.c_lflag == before->c_lflag && now.c_iflag == before->c_iflag && now.c_oflag == before->c_oflag ?
	    "as it was" : "left changed";
}

static void shell(const char *slave, char **argv, int report, int go)
{
	struct termios before;
	int status, fd;
	char byte;

	setsid();
	fd = open(slave, O_RDWR);
	ioctl(fd, TIOCSCTTY, 0);
	for (int i = 0; i < 3; i++)
		dup2(fd, i);
	signal(SIGTTOU, SIG_IGN);
	signal(SIGTSTP, SIG_IGN);
	tcgetattr(STDIN_FILENO, &before);
	P.program = fork();
	if (P.program == 0) {
		static const int usual[] = { SIGTTOU, SIGTSTP, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE };

		setpgid(0, 0);
		tcsetpgrp(STDIN_FILENO, getpid());
		for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
			signal(usual[i], SIG_DFL);
		execvp(argv[0], argv);
		_exit(127);
	}
	setpgid(P.program, P.program);
	tcsetpgrp(STDIN_FILENO, P.program);
	dprintf(report, "pid %ld\n", (long)P.program);
	while (waitpid(P.program, &status, WUNTRACED) == P.program) {
		tcsetpgrp(STDIN_FILENO, getpgrp());
		if (!WIFSTOPPED(status))
			break;
		dprintf(report, "stopped, the terminal %s\n", modes(&before));
		if (read(go, &byte, 1) != 1)
			_exit(1);
		tcsetpgrp(STDIN_FILENO, P.program);
		kill(-P.program, SIGCONT);
	}
	dprintf(report, "ended %d, the terminal %s\n", WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status),
	    modes(&before));
	_exit(0);
}

/* ---------------------------------------------------------------- the driver */

static void give_up(const char *step, const char *why)
{
	fprintf(stderr, "pty: %s: %s; what came last:\n", step, why);
	for (size_t i = P.n > TAIL ? P.n - TAIL : 0; i < P.n; i++)
		fprintf(stderr, P.seen[i] >= ' ' && P.seen[i] <= '~' ? "%c" : "\\x%02X", (unsigned char)P.seen[i]);
	fputc('\n', stderr);
	kill(P.program, SIGKILL);
	kill(P.shell, SIGKILL);
	exit(1);
}

/* What the program writes is taken all the time, or it would wait for us. */
static bool take(int other, int ms)
{
	struct pollfd p[2] = { { P.master, POLLIN, 0 }, { other, POLLIN, 0 } };
	ssize_t n;

	if (poll(p, other < 0 ? 1 : 2, ms) <= 0)
		return false;
	if (p[0].revents & POLLIN && P.n < ROOM - 1 && (n = read(P.master, P.seen + P.n, ROOM - 1 - P.n)) > 0) {
		for (ssize_t i = 0; i < n; i++)         /* a NUL would end strstr() */
			if (!P.seen[P.n + (size_t)i])
				P.seen[P.n + (size_t)i] = ' ';
		P.n += (size_t)n;
		P.seen[P.n] = 0;
	} else if (p[0].revents & (POLLHUP | POLLERR)) {
		usleep(10000);          /* nobody has the terminal open; the shell's report is on its way */
	}
	return other >= 0 && p[1].revents;
}

static void expect(const char *step, const char *text)
{
	for (time_t end = time(NULL) + PATIENCE; time(NULL) <= end; take(-1, 100)) {
		const char *at = strstr(P.seen + P.from, text);

		if (at) {
			P.from = (size_t)(at - P.seen) + strlen(text);
			return;
		}
	}
	give_up(step, "did not come");
}

/* The next report of the shell has to be this one. */
static void report(const char *step, const char *want)
{
	char line[128] = "";
	size_t n = 0;

	for (time_t end = time(NULL) + PATIENCE; time(NULL) <= end && n + 1 < sizeof line;) {
		if (!take(P.told, 100))
			continue;
		if (read(P.told, line + n, 1) != 1)
			break;
		if (line[n++] == '\n') {
			line[n - 1] = 0;
			if (strcmp(line, want) != 0)
				give_up(step, line);
			return;
		}
	}
	give_up(step, "nothing of the kind");
}

static void type(const char *keys)
{
	for (const char *s = keys; *s; s++) {
		char c = *s;

		if (c == '\\' && s[1]) {
			char hex[3] = { 0 };

			c = *++s == 'e' ? '\033' : *s == 'r' ? '\r' : *s == 't' ? '\t' : *s;
			if (*s == 'x' && s[1] && s[2]) {
				hex[0] = *++s;
				hex[1] = *++s;
				c = (char)strtol(hex, NULL, 16);
			}
		}
		if (write(P.master, &c, 1) != 1)
			give_up("type", strerror(errno));
	}
}

static int signal_named(const char *name)
{
	static const struct { const char *name; int number; } known[] = {
		{ "TERM", SIGTERM }, { "HUP", SIGHUP }, { "QUIT", SIGQUIT }, { "SEGV", SIGSEGV }, { "ABRT", SIGABRT },
		{ "BUS", SIGBUS }, { "TSTP", SIGTSTP }, { "WINCH", SIGWINCH },
	};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (!strcmp(known[i].name, name))
			return known[i].number;
	give_up(name, "no such signal");
	return 0;
}

static void resize(const char *size)
{
	struct winsize w = { 0 };

	if (sscanf(size, "%hu %hu", &w.ws_row, &w.ws_col) != 2 || ioctl(P.master, TIOCSWINSZ, &w))
		give_up("resize", size);
}

static void step(char *line)
{
	char *rest = strchr(line, ' '), want[128];
	char verb[16] = "";

	sscanf(line, "%15s", verb);
	rest = rest ? rest + 1 : line + strlen(line);
	if (!strcmp(verb, "expect")) {
		expect(line, rest);
	} else if (!strcmp(verb, "type")) {
		type(rest);
	} else if (!strcmp(verb, "resize")) {
		resize(rest);
	} else if (!strcmp(verb, "kill")) {
		kill(P.program, signal_named(rest));
	} else if (!strcmp(verb, "run")) {
		if (system(rest) != 0)
			give_up(line, "failed");
	} else if (!strcmp(verb, "stopped")) {
		report(line, "stopped, the terminal as it was");
	} else if (!strcmp(verb, "continue")) {
		if (write(P.tell, "", 1) != 1)
			give_up(line, strerror(errno));
	} else if (!strcmp(verb, "ends")) {
		snprintf(want, sizeof want, "ended %.80s, the terminal as it was", rest);
		report(line, want);
	} else {
		give_up(line, "no such step");
	}
}

static bool start(char **argv)
{
	int report_pipe[2], go[2];
	char line[64] = "";
	long pid;

	if ((P.master = posix_openpt(O_RDWR | O_NOCTTY)) < 0 || grantpt(P.master) || unlockpt(P.master) ||
	    pipe(report_pipe) || pipe(go))
		return false;
	for (int i = 0; i < 2; i++) {
		fcntl(report_pipe[i], F_SETFD, FD_CLOEXEC);
		fcntl(go[i], F_SETFD, FD_CLOEXEC);
	}
	fcntl(P.master, F_SETFD, FD_CLOEXEC);
	char size[32];
	snprintf(size, sizeof size, "%s %s", argv[1], argv[2]);
	resize(size);
	if ((P.shell = fork()) == 0)
		shell(ptsname(P.master), argv + 3, report_pipe[1], go[0]);
	close(report_pipe[1]);
	P.told = report_pipe[0];
	P.tell = go[1];
	for (size_t n = 0; n + 1 < sizeof line && read(P.told, line + n, 1) == 1 && line[n] != '\n'; n++)
		;
	if (sscanf(line, "pid %ld", &pid) != 1)
		return false;
	P.program = (pid_t)pid;
	return true;
}

int main(int argc, char **argv)
{
	char line[1024];

	setenv("TERM", "xterm-256color", 1);
	setenv("LC_ALL", "C.UTF-8", 1);
	unsetenv("COLORTERM");
	if (argc < 4 || !start(argv))
		return 2;
	while (fgets(line, sizeof line, stdin)) {
		line[strcspn(line, "\n")] = 0;
		if (*line)
			step(line);
	}
	kill(P.program, SIGKILL);
	return 0;
}
