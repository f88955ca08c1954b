/* Intrusive doubly linked lists: the link is a member of what is linked, so nothing is allocated.
 *
 *     struct list ready;            list_init(&ready);
 *     list_push(&ready, &part->ready_link);
 *     struct part *p = LIST_ENTRY(list_pop(&ready), struct part, ready_link);
 *
 * A link that was initialised may be removed any number of times: a lone link is in no list. */
#ifndef DAEMON_CORE_LIST_H
#define DAEMON_CORE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next, *prev;
};

#define LIST_ENTRY(link, type, member) ((type *)((char *)(link)-offsetof(type, member)))

/* The loop may remove `link` from the list, but no other link. */
#define LIST_FOREACH(link, head)                                                                   \
    for (struct list *link = (head)->next, *link##_next = link->next; link != (head);              \
         link = link##_next, link##_next = link->next)

static inline void list_init(struct list *list)
{
    list->next = list->prev = list;
}

static inline bool list_empty(const struct list *list)
{
    return list->next == list;
}

static inline void list_insert_after(struct list *at, struct list *link)
{
    link->prev = at;
    link->next = at->next;
    at->next->prev = link;
    at->next = link;
}

/* Adds at the end. */
static inline void list_push(struct list *list, struct list *link)
{
    list_insert_after(list->prev, link);
}

/* Adds at the front. */
static inline void list_push_front(struct list *list, struct list *link)
{
    list_insert_after(list, link);
}

static inline void list_remove(struct list *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    list_init(link);
}

/* The first link, removed; NULL if the list is empty. */
static inline struct list *list_pop(struct list *list)
{
    struct list *link = list->next;

    if (link == list)
        return NULL;
    list_remove(link);
    return link;
}

/* Moves everything to the end of `to`. */
static inline void list_splice(struct list *to, struct list *from)
{
    if (list_empty(from))
        return;
    from->next->prev = to->prev;
    from->prev->next = to;
    to->prev->next = from->next;
    to->prev = from->prev;
    list_init(from);
}

#endif
