/* winmail.dat within an archive; the one of a mail is opened by lib/mail. */
#include "scan/walk_state.h"

#include "lib/base/arena.h"
#include "lib/mail/tnef.h"

enum { LIST_MAX = 4 * 1024 * 1024 };

static void
emit(struct walk *w, const struct walk_in *in, const struct tnef_file *f)
{
	struct span data = span_sub(in->bytes, f->off, f->n);
	struct walk_names names = {.n = 0};
	struct buf text;
	unsigned flags = 0;

	if (!walk_begin(w))
		return;
	walk_name_add(&names, span_str(f->name));
	buf_init(&text, (size_t)w->lim.entry_bytes);
	if (f->rtf && tnef_rtf(data, &text))
		data = buf_span(&text);
	if (text.overflow || data.n > w->lim.entry_bytes) {
		data = span_sub(data, 0, (size_t)w->lim.entry_bytes);
		flags |= WALK_LIMIT;
	}
	if (walk_spend(w, data.n))
		walk_object(w, &names, data, in->depth, flags);
	buf_free(&text);
}

unsigned
walk_tnef(struct walk *w, const struct walk_in *in)
{
	struct tnef_list list;
	struct arena a;
	unsigned flags = 0;

	arena_init(&a, LIST_MAX);
	list = tnef_files(in->bytes, &a);
	for (size_t i = 0; i < list.n && !w->stop; i++)
		emit(w, in, &list.file[i]);
	if (list.cut || arena_full(&a) || w->stop)
		flags = WALK_LIMIT;
	arena_free(&a);
	return flags;
}
