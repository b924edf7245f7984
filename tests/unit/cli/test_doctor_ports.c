/* Ports: the tables of /proc, who holds a port, and one that is really taken. */
#include "unit/cli/doctor_parts.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static const char head[] =
	"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid"
	"  timeout inode\n";
static const char four[] = "   0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 "
						   "00000000  1000        0 4711 1 0 100 0\n"
						   "   1: 0100007F:1F40 0100007F:C350 01 00000000:00000000 00:00000000 "
						   "00000000  1000        0 4712 1 0 20 4\n"
						   "   2: 00000000:1F41 00000000:0000 0A 00000000:00000000 00:00000000 "
						   "00000000     0        0 4713 1 0 100 0\n";
static const char six[] = "   0: 00000000000000000000000000000000:1F42 "
						  "00000000000000000000000000000000:0000 0A 00000000:00000000 "
						  "00:00000000 00000000     0        0 4714 1 0 100 0\n";

TEST(listening_sockets_are_found)
{
	uint64_t inode[4];
	assert_int_equal(doctor__listeners(str_from(four), 8000, inode, 4), 1);
	assert_true(inode[0] == 4711);
	assert_int_equal(doctor__listeners(str_from(six), 8002, inode, 4), 1);
	assert_true(inode[0] == 4714);
	assert_int_equal(doctor__listeners(str_from(four), 50000, inode, 4), 0);
	assert_int_equal(doctor__listeners(str_from(head), 0, inode, 4), 0);
	assert_int_equal(doctor__listeners(STR("0: :1F40 x\n\n\nzzz"), 8000, inode, 4), 0);
	assert_int_equal(doctor__listeners(STR_NONE, 8000, inode, 4), 0);
	assert_int_equal(doctor__listeners(str_from(four), 8000, inode, 0), 0);
}

static void open_file(struct doctor *d, const char *link, const char *to)
{
	char path[1024];
	snprintf(path, sizeof path, "%s%s", d->root, link);
	assert_int_equal(symlink(to, path), 0);
}

TEST(the_holder_is_named)
{
	struct doctor d;
	doctor_begin(&d);
	assert_null(doctor__holder(&d, 8000));
	doctor_file(&d, "/proc/net/tcp", four);
	doctor_file(&d, "/proc/net/tcp6", six);
	assert_null(doctor__holder(&d, 8000));
	doctor_file(&d, "/proc/77/comm", "nginx\n");
	doctor_file(&d, "/proc/77/fd/0", "");
	open_file(&d, "/proc/77/fd/3", "socket:[4711]");
	open_file(&d, "/proc/77/fd/4", "socket:[4714]");
	open_file(&d, "/proc/77/fd/5", "pipe:[4713]");
	assert_string_equal(doctor__holder(&d, 8000), "nginx (process 77)");
	assert_string_equal(doctor__holder(&d, 8002), "nginx (process 77)");
	assert_null(doctor__holder(&d, 8001));
	assert_null(doctor__holder(&d, 1));
	doctor_release(&d);
}

TEST(a_port_that_is_taken)
{
	struct doctor d;
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, n) | listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
	doctor_init(&d);
	for (int i = 0; i < DOCTOR_PORTS_N; i++) {
		d.port[i].name = "HTTP";
		d.port[i].option = "http-port";
		d.port[i].number = ntohs(at.sin_port);
	}
	char me[64];
	snprintf(me, sizeof me, "(process %d)", (int)getpid());
	ASSERT_FINDING(doctor_run(&d, DOCTOR_PORTS, doctor__ports), FAIL, me);
	close(fd);
	ASSERT_FINDING(doctor_run(&d, DOCTOR_PORTS, doctor__ports), OK, "is free");
	doctor_release(&d);
}
