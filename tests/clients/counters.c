/* A library to preload into ipvsadm. It replaces every counter that the kernel reports by a number of the test.
 *
 * The environment variable COUNTERS holds N numbers, separated by commas. Counter k (IPVS_STATS_ATTR_CONNS is 1) of a
 * service or server on port P becomes the number at index (P + k) mod N; for a service by firewall mark, P is the mark.
 * Active, inactive and persistent connections become the numbers at P, P+1 and P+2, truncated to 32 bits. The answers
 * are rewritten in the program's own receive buffer. The nests of 32-bit statistics stay unchanged: no program should
 * read them.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/genetlink.h>
#include <linux/ip_vs.h>
#include <linux/netlink.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static uint64_t number(unsigned index)
{
	static uint64_t numbers[1024];
	static unsigned count;

	if (!count) {
		const char *text = getenv("COUNTERS");
		char *end;

		while (text && *text && count < 1024) {
			numbers[count++] = strtoull(text, &end, 10);
			text = *end ? end + 1 : end;
		}
		if (!count)
			abort();
	}
	return numbers[index % count];
}

/* Returns the next attribute in [*at, end), or NULL. */
static struct nlattr *next(char **at, char *end)
{
	struct nlattr *a = (struct nlattr *)*at;

	if (end - *at < NLA_HDRLEN || a->nla_len < NLA_HDRLEN || a->nla_len > end - *at)
		return NULL;
	*at += NLA_ALIGN(a->nla_len);
	return a;
}

#define KIND(a) ((a)->nla_type & NLA_TYPE_MASK)
#define DATA(a) ((char *)(a) + NLA_HDRLEN)
#define END(a) ((char *)(a) + (a)->nla_len)

static void rewrite_entry(struct nlattr *entry, int service)
{
	unsigned key = 0;
	struct nlattr *a, *s;
	char *at, *inner;
	uint16_t port;
	uint32_t word;
	uint64_t large;

	for (at = DATA(entry); (a = next(&at, END(entry)));) {
		if (KIND(a) == (service ? IPVS_SVC_ATTR_PORT : IPVS_DEST_ATTR_PORT)) {
			memcpy(&port, DATA(a), 2);
			key = (port >> 8 | port << 8) & 0xffff;
		} else if (service && KIND(a) == IPVS_SVC_ATTR_FWMARK) {
			memcpy(&word, DATA(a), 4);
			key = word;
		}
	}
	for (at = DATA(entry); (a = next(&at, END(entry)));) {
		if (!service && KIND(a) >= IPVS_DEST_ATTR_ACTIVE_CONNS && KIND(a) <= IPVS_DEST_ATTR_PERSIST_CONNS) {
			word = (uint32_t)number(key + KIND(a) - IPVS_DEST_ATTR_ACTIVE_CONNS);
			memcpy(DATA(a), &word, 4);
		}
		if (KIND(a) != (service ? IPVS_SVC_ATTR_STATS64 : IPVS_DEST_ATTR_STATS64))
			continue;
		for (inner = DATA(a); (s = next(&inner, END(a)));) {
			if (KIND(s) < IPVS_STATS_ATTR_CONNS || KIND(s) > IPVS_STATS_ATTR_OUTBPS)
				continue;
			large = number(key + KIND(s));
			memcpy(DATA(s), &large, 8);
		}
	}
}

static void rewrite(int fd, char *data, size_t length)
{
	int protocol = -1, domain = -1;
	socklen_t size = sizeof(int);

	getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size);
	size = sizeof(int);
	getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size);
	if (domain != AF_NETLINK || protocol != NETLINK_GENERIC)
		return;
	while (length >= NLMSG_HDRLEN + GENL_HDRLEN) {
		struct nlmsghdr *m = (struct nlmsghdr *)data;
		struct genlmsghdr *g = NLMSG_DATA(m);
		struct nlattr *a;
		char *at = (char *)g + GENL_HDRLEN, *end;

		if (m->nlmsg_len < NLMSG_HDRLEN || m->nlmsg_len > length)
			return;
		end = data + m->nlmsg_len;
		if (m->nlmsg_type > GENL_ID_CTRL && (g->cmd == IPVS_CMD_NEW_SERVICE || g->cmd == IPVS_CMD_NEW_DEST))
			while ((a = next(&at, end)))
				rewrite_entry(a, KIND(a) == IPVS_CMD_ATTR_SERVICE);
		if (NLMSG_ALIGN(m->nlmsg_len) >= length)
			return;
		length -= NLMSG_ALIGN(m->nlmsg_len);
		data += NLMSG_ALIGN(m->nlmsg_len);
	}
}

/* Both programs receive a message into one buffer; a message in several buffers is not rewritten. */
static void rewrite_message(int fd, struct msghdr *m, ssize_t got)
{
	if (got > 0 && m->msg_iovlen == 1) {
		size_t room = m->msg_iov[0].iov_len;

		rewrite(fd, m->msg_iov[0].iov_base, (size_t)got < room ? (size_t)got : room);
	}
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t recv(int fd, void *data, size_t room, int flags)
{
	ssize_t got = REAL(recv)(fd, data, room, flags);

	if (got > 0)
		rewrite(fd, data, (size_t)got < room ? (size_t)got : room);
	return got;
}

ssize_t recvfrom(int fd, void *data, size_t room, int flags, struct sockaddr *from, socklen_t *size)
{
	ssize_t got = REAL(recvfrom)(fd, data, room, flags, from, size);

	if (got > 0)
		rewrite(fd, data, (size_t)got < room ? (size_t)got : room);
	return got;
}

ssize_t read(int fd, void *data, size_t room)
{
	ssize_t got = REAL(read)(fd, data, room);

	if (got > 0)
		rewrite(fd, data, (size_t)got);
	return got;
}

ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
	ssize_t got = REAL(recvmsg)(fd, m, flags);

	rewrite_message(fd, m, got);
	return got;
}

int recvmmsg(int fd, struct mmsghdr *all, unsigned count, int flags, struct timespec *patience)
{
	int i, got = REAL(recvmmsg)(fd, all, count, flags, patience);

	for (i = 0; i < got; i++)
		rewrite_message(fd, &all[i].msg_hdr, all[i].msg_len);
	return got;
}
