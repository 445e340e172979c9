/* Load for HTTPS servers that demand a client certificate: what one core can ask, and what the server paid for it.
 *
 *   load MODE HOST PORT CONNECTIONS WARM_S SECONDS CERT KEY CA PIDS PATH...
 *
 * MODE is get (connections kept open, one request at a time on each), full (a new connection and handshake, one GET,
 * close), resume (the same with the session of the connection before) or idle (one GET on each, then wait for a line
 * on stdin). PIDS are the server's processes, separated by commas. After WARM_S the counting begins; one line of JSON
 * says how much was done in SECONDS, and the CPU time that the server and this program took for it.
 * HOST is an IPv4 address. TLS 1.2, ECDHE-ECDSA-AES128-CCM8. One thread, epoll.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum mode { GET, FULL, RESUME, IDLE };
enum step { HANDSHAKE, WRITE, READ, DONE };

struct client {
    int fd;
    enum step step;
    SSL *ssl;
    SSL_SESSION *session;
    int path;    /* index of the path asked next */
    int got;     /* octets of the answer so far */
    int wanted;  /* octets of the whole answer, 0 until its head is complete */
    char head[2048];
};

static enum mode mode;
static struct sockaddr_in address;
static SSL_CTX *context;
static int poller, path_count, open_count;
static char **requests;
static long done, errors, resumed;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

/* CPU seconds, user and system, of the processes in a comma-separated list. */
static double cpu_of(const char *pids) {
    double ticks = 0;
    char *copy = strdup(pids), *rest = copy, *pid;
    while ((pid = strsep(&rest, ",")) != NULL) {
        char name[64], line[1024];
        unsigned long user, system;
        snprintf(name, sizeof name, "/proc/%s/stat", pid);
        FILE *file = fopen(name, "r");
        if (file == NULL || fgets(line, sizeof line, file) == NULL) fail(name);
        fclose(file);
        char *after_name = strrchr(line, ')');
        if (sscanf(after_name, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2) fail(name);
        ticks += user + system;
    }
    free(copy);
    return ticks / sysconf(_SC_CLK_TCK);
}

static double own_cpu(void) {
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return use.ru_utime.tv_sec + use.ru_stime.tv_sec + (use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

static void watch(struct client *c, int operation, unsigned events) {
    struct epoll_event event = {.events = events, .data.ptr = c};
    if (epoll_ctl(poller, operation, c->fd, &event) != 0) fail("epoll_ctl");
}

static void open_client(struct client *c) {
    int on = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (c->fd < 0) fail("socket");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address) != 0 && errno != EINPROGRESS) fail("connect");
    c->ssl = SSL_new(context);
    SSL_set_fd(c->ssl, c->fd);
    SSL_set_connect_state(c->ssl);
    if (mode == RESUME && c->session != NULL) SSL_set_session(c->ssl, c->session);
    c->step = HANDSHAKE;
    c->got = c->wanted = 0;
    watch(c, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT | EPOLLET);
}

static void close_client(struct client *c) {
    if (mode == RESUME) {
        if (c->session != NULL) SSL_SESSION_free(c->session);
        c->session = SSL_get1_session(c->ssl);
    }
    SSL_shutdown(c->ssl);
    SSL_free(c->ssl);
    close(c->fd);
}

/* Take what was read; return 1 when the answer is complete, -1 if it is not what was asked for. */
static int take(struct client *c, const char *data, int n) {
    if (c->wanted == 0) {
        int room = (int)sizeof c->head - 1 - c->got, part = n < room ? n : room;
        memcpy(c->head + c->got, data, part);
        c->head[c->got + part] = 0;
        char *end = strstr(c->head, "\r\n\r\n");
        if (end != NULL) {
            char *length = strcasestr(c->head, "\r\ncontent-length:");
            if (length == NULL || strncmp(c->head, "HTTP/1.1 200", 12) != 0) return -1;
            c->wanted = (int)(end + 4 - c->head) + atoi(length + 17);
        } else if (part < n) {
            return -1;
        }
    }
    c->got += n;
    return c->wanted != 0 && c->got >= c->wanted;
}

static void after_answer(struct client *c) {
    done++;
    c->got = c->wanted = 0;
    c->path = (c->path + 1) % path_count;
    if (mode == GET) {
        c->step = WRITE;
    } else if (mode == IDLE) {
        c->step = DONE;
        open_count++;
    } else {
        close_client(c);
        open_client(c);
    }
}

static void on_error(struct client *c) {
    errors++;
    if (errors > 1000) {
        fprintf(stderr, "load: more than 1000 errors; is this server meant? Last answer:\n%.200s\n", c->head);
        exit(1);
    }
    SSL_free(c->ssl);
    close(c->fd);
    if (c->session != NULL) SSL_SESSION_free(c->session);
    c->session = NULL;
    open_client(c);
}

/* Go as far as the socket lets us. */
static void drive(struct client *c) {
    static char data[65536];
    for (;;) {
        int n = 0;
        switch (c->step) {
        case HANDSHAKE:
            n = SSL_connect(c->ssl);
            if (n == 1) {
                resumed += SSL_session_reused(c->ssl);
                c->step = WRITE;
                continue;
            }
            break;
        case WRITE:
            n = SSL_write(c->ssl, requests[c->path], strlen(requests[c->path]));
            if (n > 0) {
                c->step = READ;
                continue;
            }
            break;
        case READ:
            n = SSL_read(c->ssl, data, sizeof data);
            if (n > 0) {
                int complete = take(c, data, n);
                if (complete < 0) {
                    on_error(c);
                    return;
                }
                if (complete) {
                    after_answer(c);
                    if (c->step != WRITE) return;
                }
                continue;
            }
            break;
        case DONE:
            return;
        }
        int why = SSL_get_error(c->ssl, n);
        if (why == SSL_ERROR_SYSCALL && errno == ENOTCONN) return;
        if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) on_error(c);
        return;
    }
}

static void run(double seconds, int connections) {
    struct epoll_event events[512];
    double end = now() + seconds;
    while (now() < end && !(mode == IDLE && open_count == connections)) {
        int n = epoll_wait(poller, events, 512, 100);
        for (int i = 0; i < n; i++) drive(events[i].data.ptr);
    }
}

static SSL_CTX *make_context(const char *cert, const char *key, const char *ca) {
    SSL_CTX *made = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(made, TLS1_2_VERSION);
    SSL_CTX_set_max_proto_version(made, TLS1_2_VERSION);
    SSL_CTX_set_mode(made, SSL_MODE_RELEASE_BUFFERS);
    if (SSL_CTX_set_cipher_list(made, "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0") != 1 ||
        SSL_CTX_use_certificate_chain_file(made, cert) != 1 ||
        SSL_CTX_use_PrivateKey_file(made, key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_load_verify_locations(made, ca, NULL) != 1) {
        fprintf(stderr, "load: cannot use the certificate, the key or the CA file\n");
        exit(1);
    }
    SSL_CTX_set_verify(made, SSL_VERIFY_PEER, NULL);
    return made;
}

int main(int count, char **words) {
    if (count < 12) {
        fprintf(stderr, "usage: load get|full|resume|idle HOST PORT CONNECTIONS WARM_S SECONDS CERT KEY CA PIDS PATH...\n");
        return 2;
    }
    mode = words[1][0] == 'g' ? GET : words[1][0] == 'f' ? FULL : words[1][0] == 'r' ? RESUME : IDLE;
    address.sin_family = AF_INET;
    address.sin_port = htons(atoi(words[3]));
    inet_pton(AF_INET, words[2], &address.sin_addr);
    int connections = atoi(words[4]);
    double warm_s = atof(words[5]), seconds = atof(words[6]);
    context = make_context(words[7], words[8], words[9]);
    const char *pids = words[10];
    path_count = count - 11;
    requests = calloc(path_count, sizeof *requests);
    for (int i = 0; i < path_count; i++)
        if (asprintf(&requests[i],
                     "GET %s HTTP/1.1\r\nDate: Fri, 20 Nov 2026 10:30:03 GMT\r\nHost: %s:%s\r\n"
                     "Accept: application/sep+xml; level=-S1\r\n\r\n",
                     words[11 + i], words[2], words[3]) < 0)
            fail("asprintf");
    signal(SIGPIPE, SIG_IGN);
    poller = epoll_create1(0);
    struct client *clients = calloc(connections, sizeof *clients);
    for (int i = 0; i < connections; i++) {
        clients[i].path = i % path_count;
        open_client(&clients[i]);
        if (mode == IDLE && i % 20 == 19) run(0.02, connections); /* not more at a time than a backlog holds */
    }
    run(warm_s, connections);
    if (mode == IDLE) {
        printf("{\"open\": %d, \"errors\": %ld}\n", open_count, errors);
        fflush(stdout);
        return getchar() == EOF ? 1 : 0;
    }
    done = errors = resumed = 0;
    double begin = now(), server_cpu = cpu_of(pids), load_cpu = own_cpu();
    run(seconds, connections);
    printf("{\"done\": %ld, \"errors\": %ld, \"resumed\": %ld, \"seconds\": %.6f, \"server_cpu_s\": %.3f, \"load_cpu_s\": %.3f}\n",
           done, errors, resumed, now() - begin, cpu_of(pids) - server_cpu, own_cpu() - load_cpu);
    return 0;
}
