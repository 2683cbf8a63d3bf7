/*
 * pmgd: content filter between Postfix and Postfix.
 *
 *	Postfix smtpd :25 --LMTP--> in.sock  \
 *	                                      pmgd workers --SMTP--> Postfix
 *	Postfix smtpd :26 --LMTP--> out.sock /     |   \
 *	                                       pmgd-scan  pmgd-store, spamd
 */
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "filter/parent.h"
#include "lib/base/ipc.h"
#include "lib/base/log.h"
#include "lib/base/sandbox.h"
#include "lib/base/str.h"
#include "lib/config/config.h"
#include "lib/config/paths.h"

enum { BACKLOG = 256, PORT_OUT = 10023, PORT_IN = 10024 };

static int
stream_listen_unix(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || !str_copy(sa.sun_path, sizeof(sa.sun_path), path))
		fatal("%s: cannot be a socket", path);
	unlink(path);
	/* Postfix's lmtp client runs as user postfix: the folder's mode is
	 * what keeps others out. */
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) != 0 ||
	    chmod(path, 0666) != 0 || listen(fd, BACKLOG) != 0)
		fatal("%s: listen: %s", path, strerror(errno));
	return fd;
}

static int
stream_listen_tcp(uint16_t port)
{
	struct sockaddr_in sa = {.sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;

	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    bind(fd, (struct sockaddr *)&sa, sizeof(sa)) != 0 ||
	    listen(fd, BACKLOG) != 0)
		fatal("127.0.0.1:%u: listen: %s", port, strerror(errno));
	return fd;
}

/* From systemd when it passed one, else made here. */
static void
sockets_open(struct parent_options *o)
{
	struct config *c;
	struct err e;

	c = config_load(o->paths->config, &e);
	if (c == NULL)
		fatal("%s", e.text);
	o->listen_in = ipc_activated("in");
	o->listen_out = ipc_activated("out");
	o->listen_control = ipc_activated("control");
	if (config_bool(c, "mail", "tcp_filter_ports")) {
		o->listen_in = stream_listen_tcp(PORT_IN);
		o->listen_out = stream_listen_tcp(PORT_OUT);
	}
	config_free(c);
	if (o->listen_in < 0)
		o->listen_in = stream_listen_unix(o->paths->filter_in);
	if (o->listen_out < 0)
		o->listen_out = stream_listen_unix(o->paths->filter_out);
	if (o->listen_control < 0)
		o->listen_control =
		    ipc_listen(o->paths->filter_control, 0660, &e);
	if (o->listen_control < 0)
		fatal("%s", e.text);
}

static void __attribute__((noreturn))
usage(void)
{
	fputs("usage: pmgd [-df] [--root DIR] [--user NAME] [--workers N]\n",
	    stderr);
	exit(2);
}

int
main(int argc, char **argv)
{
	static const struct option longopts[] = {
	    {"root", required_argument, NULL, 'r'},
	    {"user", required_argument, NULL, 'u'},
	    {"workers", required_argument, NULL, 'w'},
	    {NULL, 0, NULL, 0}};
	struct parent_options o = {.user = NULL};
	struct paths paths;
	const char *root = "";
	bool foreground = false, debug = false;
	int64_t workers = 0;
	struct err e;
	int ch;

	while ((ch = getopt_long(argc, argv, "df", longopts, NULL)) != -1) {
		switch (ch) {
		case 'd':
			debug = true;
			break;
		case 'f':
			foreground = true;
			break;
		case 'r':
			root = optarg;
			break;
		case 'u':
			o.user = optarg;
			break;
		case 'w':
			if (!str_num(span_str(optarg), 1, 256, &workers))
				usage();
			break;
		default:
			usage();
		}
	}
	if (optind != argc)
		usage();
	log_init("pmgd", foreground);
	log_set_debug(debug);
	signal(SIGPIPE, SIG_IGN);
	umask(0027);
	paths_init(&paths, root);
	o.paths = &paths;
	o.workers = (int)workers;
	if (o.user != NULL && sandbox_become(o.user, &e) != 0)
		fatal("%s", e.text);
	sockets_open(&o);
	return parent_run(&o);
}
