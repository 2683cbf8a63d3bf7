/*
 * Environment errors (disk, network, configuration): a function returns -1
 * and says what, where and why in a struct err. Hostile data is no error.
 */
#ifndef PMG_BASE_ERR_H
#define PMG_BASE_ERR_H

struct err {
	char text[512];
};

/* Both return -1, so that `return err_set(...)` reads well. e may be NULL. */
int err_set(struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* As err_set, then ": " and strerror(errno). errno is kept. */
int err_errno(struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
