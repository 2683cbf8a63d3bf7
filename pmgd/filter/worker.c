#include "filter/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include "filter/session.h"
#include "lib/base/cleanup.h"
#include "lib/base/log.h"
#include "lib/base/sandbox.h"
#include "lib/base/str.h"
#include "lib/base/xalloc.h"
#include "lib/rules/directory_format.h"

enum {
	/* Several copies of the largest message, rules, libraries. */
	ADDRESS_SPACE = 2048,	/* MiB */
	FILES_MAX = 1024,	/* a copy for each recipient, when rules ask */
};

static volatile sig_atomic_t stop;
/* Readable after SIGTERM: one that arrives just before a wait begins would
 * not interrupt it. */
static int stop_fd = -1;

static void
on_term(int sig)
{
	int saved = errno;

	(void)sig;
	stop = 1;
	eventfd_write(stop_fd, 1);
	errno = saved;
}

int
worker_stop_fd(void)
{
	return stop_fd;
}

bool
worker_stopping(void)
{
	return stop != 0;
}

void
worker_refresh_rules(struct worker *w)
{
	AUTO_BUF struct buf b = {.max = RULESET_BYTES_MAX};
	struct ruleset *rs = NULL;
	struct err e = {""};

	w->rules_file.path = w->paths->rules;
	switch (watched_read(&w->rules_file, &b, &e)) {
	case WATCHED_SAME:
		return;
	case WATCHED_MISSING:
		if (w->rules == NULL)
			log_warn("%s: no rules yet: mail is deferred until "
			    "pmgd-store has written them", w->paths->rules);
		return;
	case WATCHED_NEW:
		rs = ruleset_load(buf_span(&b), &e);
		break;
	case WATCHED_BAD:
		break;
	}
	if (rs == NULL) {
		log_error("rules: %s%s", e.text,
		    w->rules ? "; the former ones stay" : "");
		return;
	}
	ruleset_free(w->rules);
	w->rules = rs;
	watched_take(&w->rules_file);
}

/* Without the file mail goes on, as without lists: what they add to the spam
 * rules is not worth a mail that has to wait. */
void
worker_refresh_lists(struct worker *w)
{
	AUTO_BUF struct buf b = {.max = USERLIST_FILE_MAX};
	enum watched_state state;
	struct userlist *l = NULL;
	struct err e = {""};

	w->lists_file.path = w->paths->lists;
	state = watched_read(&w->lists_file, &b, &e);
	if (state == WATCHED_SAME || state == WATCHED_MISSING)
		return;
	if (state == WATCHED_NEW)
		l = userlist_load(buf_span(&b), &e);
	if (l == NULL) {
		log_error("user lists: %s: %s%s", w->paths->lists, e.text,
		    w->lists ? "; the former ones stay" : "");
		return;
	}
	userlist_free(w->lists);
	w->lists = l;
	watched_take(&w->lists_file);
}

/* Without, objects with an LDAP profile match nobody. A damaged file is taken
 * for read: until the next sync replaces it, it is not worth a look at each
 * mail. */
void
worker_refresh_directory(struct worker *w)
{
	AUTO_BUF struct buf b = {.max = DIRECTORY_BYTES_MAX};
	enum watched_state state;
	struct directory *d = NULL;
	struct err e = {""};

	w->directory_file.path = w->paths->ldap_active;
	state = watched_read(&w->directory_file, &b, &e);
	if (state == WATCHED_SAME || state == WATCHED_MISSING)
		return;
	if (state == WATCHED_NEW) {
		d = directory_load(buf_span(&b), &e);
		watched_take(&w->directory_file);
	}
	if (d == NULL) {
		log_error("ldap.active: %s%s", e.text,
		    w->directory ? "; the former data stay" : "");
		return;
	}
	directory_free(w->directory);
	w->directory = d;
}

void
worker_refresh_settings(struct worker *w)
{
	AUTO_FREE char *path = xasprintf("%s/pmg.conf", w->paths->config);
	struct file_stamp now;
	struct config *c;
	struct err e;

	file_stamp_take(path, &now);
	if (w->config != NULL && file_stamp_same(&now, &w->config_stamp))
		return;
	w->config_stamp = now;
	c = config_load(w->paths->config, &e);
	if (c == NULL) {
		log_error("settings: %s%s", e.text,
		    w->config ? "; the former ones stay" : "");
		if (w->config == NULL)
			exit(1);
		return;
	}
	config_free(w->config);
	w->config = c;
	str_copy(w->reinject, sizeof(w->reinject),
	    config_bool(c, "mail", "tcp_filter_ports") ? "127.0.0.1:10025"
	                                               : w->paths->reinject);
}

/* On top of what the parent gave up: no more processes, bounded memory, no
 * files to write but nameless ones. /usr: charset converters, time zones. */
static void
worker_sandbox(const struct worker *w)
{
	const char *slash = strrchr(w->paths->rules, '/');
	AUTO_FREE char *rules = xstrndup(w->paths->rules,
	    (size_t)(slash - w->paths->rules));
	const char *read_paths[] = {"/usr", "/etc/localtime", "/dev/urandom",
	    w->paths->config, rules, w->paths->ldap, NULL};
	const char *write_paths[] = {w->paths->active, NULL};
	struct sandbox sb = {
	    .read_paths = read_paths, .write_paths = write_paths,
	    .net = config_bool(w->config, "mail", "tcp_filter_ports")
	        ? SANDBOX_NET_INET : SANDBOX_NET_UNIX,
	    .as_bytes = (uint64_t)ADDRESS_SPACE * 1024 * 1024,
	    .fsize_bytes = 1024ull * 1024 * 1024,
	    .nofile = FILES_MAX,
	};
	struct err e;

	if (sandbox_enter(&sb, &e) != 0)
		fatal("sandbox: %s", e.text);
}

/* Waits for a connection on either socket, and meanwhile closes those that are
 * not used. -1: asked to stop. */
static int
worker_accept(struct worker *w, int ep, enum direction *dir)
{
	while (!stop) {
		struct epoll_event ev;
		int fd, n;

		n = epoll_wait(ep, &ev, 1,
		    outlet_is_open(&w->outlet) ? OUTLET_IDLE_MS : -1);
		if (n < 0 && errno != EINTR)
			fatal("epoll: %s", strerror(errno));
		if (n == 0)
			outlet_close(&w->outlet);
		if (n <= 0)
			continue;
		if (ev.data.fd == stop_fd)
			break;
		if (ev.data.fd == w->link.fd)
			exit(0);	/* the parent went away */
		fd = accept4(ev.data.fd, NULL, NULL,
		    SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			continue;	/* another worker was faster */
		*dir = ev.data.fd == w->listen_in ? DIR_IN : DIR_OUT;
		return fd;
	}
	return -1;
}

static int
worker_poll(const struct worker *w)
{
	int ep = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event in = {.events = EPOLLIN | EPOLLEXCLUSIVE,
	    .data.fd = w->listen_in};
	struct epoll_event out = {.events = EPOLLIN | EPOLLEXCLUSIVE,
	    .data.fd = w->listen_out};
	struct epoll_event link = {.events = EPOLLRDHUP,
	    .data.fd = w->link.fd};
	struct epoll_event term = {.events = EPOLLIN, .data.fd = stop_fd};

	/* EPOLLEXCLUSIVE: one connection wakes one worker. */
	if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, w->listen_in, &in) != 0 ||
	    epoll_ctl(ep, EPOLL_CTL_ADD, w->listen_out, &out) != 0 ||
	    epoll_ctl(ep, EPOLL_CTL_ADD, w->link.fd, &link) != 0 ||
	    epoll_ctl(ep, EPOLL_CTL_ADD, stop_fd, &term) != 0)
		fatal("epoll: %s", strerror(errno));
	return ep;
}

void
worker_run(struct worker *w)
{
	struct sigaction sa = {.sa_handler = on_term};
	enum direction dir;
	int ep;

	w->outlet = OUTLET_NONE;
	stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (stop_fd < 0)
		fatal("eventfd: %s", strerror(errno));
	sigaction(SIGTERM, &sa, NULL);
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);	/* a terminal's Ctrl-C: the parent decides */
	signal(SIGALRM, SIG_DFL);
	if (gethostname(w->host, sizeof(w->host) - 1) != 0 || !w->host[0])
		str_copy(w->host, sizeof(w->host), "localhost");
	worker_refresh_settings(w);
	worker_sandbox(w);
	ep = worker_poll(w);
	for (unsigned n = 0; n < WORKER_SESSIONS; n++) {
		int fd = worker_accept(w, ep, &dir);

		if (fd < 0)
			break;
		session_run(w, fd, dir);
		close(fd);
	}
	outlet_close(&w->outlet);
	exit(0);
}
