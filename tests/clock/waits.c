/* Waits and clock reads, for test_waits_and_reads.py: a case, and the seconds ten units are. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double ten;
static int ends[2];

static struct timespec span(double seconds) {
    struct timespec t = {(time_t)seconds, (long)((seconds - (time_t)seconds) * 1e9)};
    return t;
}
static struct timeval span_us(double seconds) {
    struct timeval t = {(time_t)seconds, (long)((seconds - (time_t)seconds) * 1e6)};
    return t;
}
static double of_spec(struct timespec t) { return t.tv_sec + t.tv_nsec / 1e9; }
static double of_val(struct timeval t) { return t.tv_sec + t.tv_usec / 1e6; }
static double now(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return of_spec(t);
}
static struct timespec moment(clockid_t clock, double seconds) {
    struct timespec t;
    clock_gettime(clock, &t);
    long long all = t.tv_nsec + (long long)(seconds * 1e9);
    t.tv_sec += all / 1000000000;
    t.tv_nsec = all % 1000000000;
    return t;
}
static void snooze(double seconds) {
    struct timespec t = span(seconds);
    while (nanosleep(&t, &t)) {}
}
static void said(int result) {
    if (result < 0) printf("%s\n", strerrorname_np(errno));
    else printf("%d\n", result);
}
static void returned(int error) { printf("%s\n", error ? strerrorname_np(error) : "0"); }
static void left(double seconds) { printf("left %f\n", seconds); }

static void write_a_byte(void) { (void)!write(ends[1], "x", 1); }
static void later(double seconds, void (*act)(void)) {
    fflush(stdout);
    if (fork() == 0) { snooze(seconds); act(); _exit(0); }
}
static void caught(int signo) { (void)signo; }
static void on(int signo) {
    struct sigaction action = {.sa_handler = caught};
    sigaction(signo, &action, NULL);
}
static void block(int signo, sigset_t *set) {
    sigemptyset(set);
    sigaddset(set, signo);
    sigprocmask(SIG_BLOCK, set, NULL);
}

/* ---- sleeps ---- */
static void w_nanosleep(void) { struct timespec t = span(ten); said(nanosleep(&t, NULL)); }
static void w_usleep(void) { said(usleep((useconds_t)(ten * 1e6))); }
static void w_sleep(void) { said((int)sleep((unsigned)ten)); }
static void w_clock_nanosleep(void) {
    struct timespec t = span(ten);
    returned(clock_nanosleep(CLOCK_REALTIME, 0, &t, NULL));
}
static void until(clockid_t clock) {
    struct timespec t = moment(clock, ten);
    returned(clock_nanosleep(clock, TIMER_ABSTIME, &t, NULL));
}
static void w_until_monotonic(void) { until(CLOCK_MONOTONIC); }
static void w_until_realtime(void) { until(CLOCK_REALTIME); }
static void w_until_boottime(void) { until(CLOCK_BOOTTIME); }
static void w_until_tai(void) { until(CLOCK_TAI); }
static void *nap(void *tens) { snooze(*(double *)tens * ten); return NULL; }
static void w_threads_sleep(void) {
    double tens[] = {3, 1, 2};
    pthread_t threads[3];
    double began = now(CLOCK_MONOTONIC);
    for (int i = 0; i < 3; i++) pthread_create(&threads[i], NULL, nap, &tens[i]);
    pthread_join(threads[1], NULL);
    printf("took %f\n", now(CLOCK_MONOTONIC) - began);
    pthread_join(threads[2], NULL);
    printf("took %f\n", now(CLOCK_MONOTONIC) - began);
    pthread_join(threads[0], NULL);
}

/* ---- descriptors ---- */
static void selected(int with, double tens, int show) {
    fd_set set;
    FD_ZERO(&set);
    FD_SET(ends[0], &set);
    struct timeval t = span_us(tens * ten);
    said(select(with ? ends[0] + 1 : 0, with ? &set : NULL, NULL, NULL, &t));
    if (show) left(of_val(t));
}
static void w_select_nothing(void) { selected(0, 1, 0); }
static void w_select(void) { selected(1, 1, 0); }
static void w_select_data(void) { later(ten, write_a_byte); selected(1, 3, 0); }
static void w_select_none_left(void) { selected(1, 1, 1); }
static void w_pselect(void) {
    fd_set set;
    FD_ZERO(&set);
    FD_SET(ends[0], &set);
    struct timespec t = span(ten);
    said(pselect(ends[0] + 1, &set, NULL, NULL, &t, NULL));
}
static void polled(nfds_t count, double tens) {
    struct pollfd fd = {ends[0], POLLIN, 0};
    said(poll(&fd, count, (int)(tens * ten * 1000)));
}
static void w_poll_nothing(void) { polled(0, 1); }
static void w_poll(void) { polled(1, 1); }
static void w_poll_data(void) { later(ten, write_a_byte); polled(1, 3); }
static void w_ppoll(void) {
    struct pollfd fd = {ends[0], POLLIN, 0};
    struct timespec t = span(ten);
    said(ppoll(&fd, 1, &t, NULL));
}
static void w_ppoll_data(void) {
    struct pollfd fd = {ends[0], POLLIN, 0};
    struct timespec t = span(3 * ten);
    later(ten, write_a_byte);
    said(ppoll(&fd, 1, &t, NULL));
}
static int epoll(void) {
    int fd = epoll_create1(0);
    struct epoll_event event = {EPOLLIN, {0}};
    epoll_ctl(fd, EPOLL_CTL_ADD, ends[0], &event);
    return fd;
}
static void w_epoll_wait(void) {
    struct epoll_event event;
    said(epoll_wait(epoll(), &event, 1, (int)(ten * 1000)));
}
static void w_epoll_wait_data(void) {
    struct epoll_event event;
    later(ten, write_a_byte);
    said(epoll_wait(epoll(), &event, 1, (int)(3 * ten * 1000)));
}
static void w_epoll_pwait2(void) {
    struct epoll_event event;
    struct timespec t = span(ten);
    said((int)syscall(441, epoll(), &event, 1, &t, NULL, 0));
}

/* ---- futex ---- */
static void w_sem_timedwait(void) {
    sem_t semaphore;
    sem_init(&semaphore, 0, 0);
    struct timespec t = moment(CLOCK_REALTIME, ten);
    said(sem_timedwait(&semaphore, &t));
}
static void *post(void *semaphore) { snooze(ten); sem_post(semaphore); return NULL; }
static void w_sem_timedwait_posted(void) {
    sem_t semaphore;
    pthread_t thread;
    sem_init(&semaphore, 0, 0);
    pthread_create(&thread, NULL, post, &semaphore);
    struct timespec t = moment(CLOCK_REALTIME, 3 * ten);
    said(sem_timedwait(&semaphore, &t));
}
static void conditional(clockid_t clock) {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t condition;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, clock);
    pthread_cond_init(&condition, &attributes);
    pthread_mutex_lock(&mutex);
    struct timespec t = moment(clock, ten);
    returned(pthread_cond_timedwait(&condition, &mutex, &t));
}
static void w_cond_monotonic(void) { conditional(CLOCK_MONOTONIC); }
static void w_cond_realtime(void) { conditional(CLOCK_REALTIME); }
static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
static void *try_for_ten(void *unused) {
    struct timespec t = moment(CLOCK_REALTIME, ten);
    returned(pthread_mutex_timedlock(&held, &t));
    return unused;
}
static void w_mutex_timedlock(void) {
    pthread_t thread;
    pthread_mutex_lock(&held);
    pthread_create(&thread, NULL, try_for_ten, NULL);
    pthread_join(thread, NULL);
}
static void *forever(void *unused) { for (;;) pause(); return unused; }
static void w_timedjoin(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, forever, NULL);
    struct timespec t = moment(CLOCK_REALTIME, ten);
    returned(pthread_timedjoin_np(thread, NULL, &t));
}
static void w_futex_relative(void) {
    uint32_t word = 0;
    struct timespec t = span(ten);
    said((int)syscall(SYS_futex, &word, FUTEX_WAIT, 0, &t, NULL, 0));
}
static void w_futex_until_realtime(void) {
    uint32_t word = 0;
    struct timespec t = moment(CLOCK_REALTIME, ten);
    int operation = FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME;
    said((int)syscall(SYS_futex, &word, operation, 0, &t, NULL, FUTEX_BITSET_MATCH_ANY));
}

/* ---- timer descriptors ---- */
static int timer_descriptor(clockid_t clock, int flags, struct timespec first, double every) {
    int fd = timerfd_create(clock, 0);
    struct itimerspec timer = {span(every), first};
    timerfd_settime(fd, flags, &timer, NULL);
    return fd;
}
static void expirations(int fd) {
    uint64_t count = 0;
    (void)!read(fd, &count, sizeof count);
    printf("%d\n", (int)count);
}
static void w_timerfd(void) { expirations(timer_descriptor(CLOCK_MONOTONIC, 0, span(ten), 0)); }
static void w_timerfd_until_realtime(void) {
    struct timespec first = moment(CLOCK_REALTIME, ten);
    expirations(timer_descriptor(CLOCK_REALTIME, TFD_TIMER_ABSTIME, first, 0));
}
static void w_timerfd_until_monotonic(void) {
    struct timespec first = moment(CLOCK_MONOTONIC, ten);
    expirations(timer_descriptor(CLOCK_MONOTONIC, TFD_TIMER_ABSTIME, first, 0));
}
static void w_timerfd_until_boottime(void) {
    struct timespec first = moment(CLOCK_BOOTTIME, ten);
    expirations(timer_descriptor(CLOCK_BOOTTIME, TFD_TIMER_ABSTIME, first, 0));
}
static void w_timerfd_periodic(void) {
    int fd = timer_descriptor(CLOCK_MONOTONIC, 0, span(2 * ten), ten);
    for (int i = 0; i < 3; i++) expirations(fd);
}
static void w_timerfd_missed(void) {
    int fd = timer_descriptor(CLOCK_MONOTONIC, 0, span(ten), ten);
    snooze(3.5 * ten);
    expirations(fd);
    snooze(ten / 2);
}
static void w_timerfd_polled(void) {
    int fd = timer_descriptor(CLOCK_MONOTONIC, 0, span(ten), 0);
    struct pollfd poller = {fd, POLLIN, 0};
    said(poll(&poller, 1, (int)(3 * ten * 1000)));
    expirations(fd);
}
static void w_timerfd_gettime(void) {
    int fd = timer_descriptor(CLOCK_MONOTONIC, 0, span(3 * ten), 2 * ten);
    struct itimerspec timer;
    snooze(ten);
    timerfd_gettime(fd, &timer);
    left(of_spec(timer.it_value));
    left(of_spec(timer.it_interval));
}
static void w_timerfd_disarmed(void) {
    int fd = timer_descriptor(CLOCK_MONOTONIC, 0, span(2 * ten), 0);
    struct itimerspec none = {{0, 0}, {0, 0}}, old;
    snooze(ten);
    timerfd_settime(fd, 0, &none, &old);
    left(of_spec(old.it_value));
    struct pollfd poller = {fd, POLLIN, 0};
    said(poll(&poller, 1, (int)(2 * ten * 1000)));
}

/* ---- signals ---- */
static timer_t posix_timer(clockid_t clock, int signo, int flags, struct timespec first,
                           double every) {
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = signo};
    struct itimerspec arming = {span(every), first};
    timer_t timer;
    event.sigev_value.sival_int = 77;
    timer_create(clock, &event, &timer);
    timer_settime(timer, flags, &arming, NULL);
    return timer;
}
static void taken(sigset_t *set) {
    siginfo_t info;
    int signo = sigwaitinfo(set, &info);
    printf("%s %d %d\n", sigabbrev_np(signo), info.si_code == SI_TIMER, info.si_value.sival_int);
}
static void w_timer_signal(void) {
    sigset_t set;
    block(SIGUSR1, &set);
    posix_timer(CLOCK_MONOTONIC, SIGUSR1, 0, span(ten), 0);
    taken(&set);
}
static void w_timer_until_realtime(void) {
    sigset_t set;
    block(SIGUSR1, &set);
    struct timespec first = moment(CLOCK_REALTIME, ten);
    posix_timer(CLOCK_REALTIME, SIGUSR1, TIMER_ABSTIME, first, 0);
    taken(&set);
}
static void w_timer_periodic(void) {
    sigset_t set;
    block(SIGUSR1, &set);
    posix_timer(CLOCK_MONOTONIC, SIGUSR1, 0, span(2 * ten), ten);
    for (int i = 0; i < 3; i++) taken(&set);
}
static sem_t notified;
static void notify(union sigval value) { printf("%d\n", value.sival_int); sem_post(&notified); }
static void w_timer_thread(void) {
    struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = notify};
    struct itimerspec arming = {{0, 0}, span(ten)};
    timer_t timer;
    event.sigev_value.sival_int = 78;
    sem_init(&notified, 0, 0);
    timer_create(CLOCK_MONOTONIC, &event, &timer);
    timer_settime(timer, 0, &arming, NULL);
    sem_wait(&notified);
}
static void w_timer_gettime(void) {
    struct itimerspec timer;
    timer_t id = posix_timer(CLOCK_MONOTONIC, SIGUSR1, 0, span(3 * ten), 2 * ten);
    snooze(ten);
    timer_gettime(id, &timer);
    left(of_spec(timer.it_value));
    left(of_spec(timer.it_interval));
}
static void w_timer_overrun(void) {
    sigset_t set;
    block(SIGUSR1, &set);
    timer_t id = posix_timer(CLOCK_MONOTONIC, SIGUSR1, 0, span(ten), ten);
    snooze(3.5 * ten);
    taken(&set);
    said(timer_getoverrun(id));
    snooze(ten / 2);
}
static void w_timer_queued_once(void) {
    sigset_t set;
    struct timespec none = {0, 0};
    block(SIGRTMIN, &set);
    posix_timer(CLOCK_MONOTONIC, SIGRTMIN, 0, span(ten), ten);
    snooze(3.5 * ten);
    printf("%d\n", sigtimedwait(&set, NULL, &none) == SIGRTMIN);
    said(sigtimedwait(&set, NULL, &none));
    snooze(ten / 2);
}
static void w_setitimer(void) {
    struct itimerval timer = {{0, 0}, span_us(ten)};
    on(SIGALRM);
    setitimer(ITIMER_REAL, &timer, NULL);
    said(pause());
}
static void w_setitimer_periodic(void) {
    struct itimerval timer = {span_us(ten), span_us(2 * ten)};
    on(SIGALRM);
    setitimer(ITIMER_REAL, &timer, NULL);
    for (int i = 0; i < 3; i++) said(pause());
}
static void w_getitimer(void) {
    struct itimerval timer = {span_us(2 * ten), span_us(3 * ten)};
    on(SIGALRM);
    setitimer(ITIMER_REAL, &timer, NULL);
    snooze(ten);
    getitimer(ITIMER_REAL, &timer);
    left(of_val(timer.it_value));
    left(of_val(timer.it_interval));
}
static void w_alarm(void) { on(SIGALRM); alarm((unsigned)ten); said(pause()); }
static void w_alarm_left(void) {
    alarm((unsigned)(3 * ten));
    snooze(ten);
    left(alarm(0));
}
static void w_alarm_left_is_rounded(void) {  /* 2.4 seconds are 2, 2.9 are 3 */
    alarm(3);
    snooze(0.6);
    printf("%u\n", alarm(3));
    snooze(0.1);
    printf("%u\n", alarm(0));
}
static void w_alarm_after_exec(void) {
    alarm((unsigned)ten);
    execlp("sleep", "sleep", "infinity", (char *)NULL);
}
static void w_sigtimedwait(void) {
    sigset_t set;
    struct timespec t = span(ten);
    block(SIGUSR1, &set);
    said(sigtimedwait(&set, NULL, &t));
}
static void signal_parent(void) { kill(getppid(), SIGUSR1); }
static void w_sigtimedwait_signal(void) {
    sigset_t set;
    struct timespec t = span(3 * ten);
    block(SIGUSR1, &set);
    later(ten, signal_parent);
    printf("%d\n", sigtimedwait(&set, NULL, &t) == SIGUSR1);
}

/* ---- System V, message queues ---- */
static void w_semtimedop(void) {
    int id = semget(IPC_PRIVATE, 1, 0600);
    struct sembuf operation = {0, -1, 0};
    struct timespec t = span(ten);
    said(semtimedop(id, &operation, 1, &t));
    semctl(id, 0, IPC_RMID);
}
static void w_msgrcv_alarm(void) {
    struct { long type; char text[8]; } message;
    struct itimerval timer = {{0, 0}, span_us(ten)};
    int id = msgget(IPC_PRIVATE, 0600);
    on(SIGALRM);
    setitimer(ITIMER_REAL, &timer, NULL);
    said((int)msgrcv(id, &message, 8, 0, 0));
    msgctl(id, IPC_RMID, NULL);
}
static mqd_t queue(void) {
    struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = 8};
    mqd_t id = mq_open("/table", O_RDWR | O_CREAT, 0600, &attributes);
    if (id < 0) said(id);
    mq_unlink("/table");
    return id;
}
static void w_mq_timedreceive(void) {
    char text[8];
    struct timespec t = moment(CLOCK_REALTIME, ten);
    said((int)mq_timedreceive(queue(), text, 8, NULL, &t));
}
static void w_mq_timedsend(void) {
    mqd_t id = queue();
    mq_send(id, "full", 4, 0);
    struct timespec t = moment(CLOCK_REALTIME, ten);
    said(mq_timedsend(id, "more", 4, 0, &t));
}

/* ---- sockets ---- */
static void limit(int fd, int option, double tens) {
    struct timeval t = span_us(tens * ten);
    setsockopt(fd, SOL_SOCKET, option, &t, sizeof t);
}
static int listening(struct sockaddr_in *address) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    socklen_t size = sizeof *address;
    memset(address, 0, size);
    address->sin_family = AF_INET;
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (struct sockaddr *)address, size) || listen(fd, 1)) perror("listen");
    getsockname(fd, (struct sockaddr *)address, &size);
    return fd;
}
static void tcp_pair(void) {
    struct sockaddr_in address;
    int listener = listening(&address);
    ends[0] = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(ends[0], (struct sockaddr *)&address, sizeof address)) perror("connect");
    ends[1] = accept(listener, NULL, NULL);
}
static void unix_pair(void) { socketpair(AF_UNIX, SOCK_STREAM, 0, ends); }
static void receive(double tens) {
    char text[8];
    limit(ends[0], SO_RCVTIMEO, tens);
    said((int)recv(ends[0], text, 1, 0));
}
static void w_rcvtimeo_unix(void) { unix_pair(); receive(1); }
static void w_rcvtimeo_tcp(void) { tcp_pair(); receive(1); }
static void w_rcvtimeo_unix_data(void) { unix_pair(); later(ten, write_a_byte); receive(3); }
static void w_rcvtimeo_tcp_data(void) { tcp_pair(); later(ten, write_a_byte); receive(3); }
static void w_rcvtimeo_read(void) {
    char text[8];
    unix_pair();
    limit(ends[0], SO_RCVTIMEO, 1);
    said((int)read(ends[0], text, 1));
}
static void w_rcvtimeo_accept(void) {
    struct sockaddr_in address;
    int fd = listening(&address);
    limit(fd, SO_RCVTIMEO, 1);
    said(accept(fd, NULL, NULL));
}
static void fill(void) {
    static char much[1 << 16];
    while (send(ends[0], much, sizeof much, MSG_DONTWAIT) > 0) {}
    limit(ends[0], SO_SNDTIMEO, 1);
    said((int)send(ends[0], much, sizeof much, 0));
}
static void w_sndtimeo_unix(void) { unix_pair(); fill(); }
static void w_sndtimeo_tcp(void) { tcp_pair(); fill(); }

/* ---- clock reads ---- */
static void clocks(int direct) {
    static const int ids[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW,
        CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME, CLOCK_TAI,
        CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID};
    struct timespec before[9], after[9];
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 9; i++) {
            struct timespec *place = (round ? after : before) + i;
            if (direct) syscall(SYS_clock_gettime, ids[i], place);
            else clock_gettime(ids[i], place);
        }
        if (!round) snooze(ten);
    }
    for (int i = 0; i < 9; i++)
        printf("clock %d took %f\n", ids[i], of_spec(after[i]) - of_spec(before[i]));
}
static void r_clocks(void) { clocks(0); }
static void r_clocks_direct(void) { clocks(1); }
static double by_gettimeofday(void) { struct timeval t; gettimeofday(&t, NULL); return of_val(t); }
static double by_time(void) { return (double)time(NULL); }
static double by_times(void) { struct tms t; return (double)times(&t) / sysconf(_SC_CLK_TCK); }
static double by_sysinfo(void) { struct sysinfo t; sysinfo(&t); return (double)t.uptime; }
static double by_gettimeofday_direct(void) {
    struct timeval t;
    syscall(SYS_gettimeofday, &t, NULL);
    return of_val(t);
}
static double by_time_direct(void) {
#ifdef SYS_time
    return (double)syscall(SYS_time, NULL);
#else
    return (double)time(NULL);
#endif
}
static double by_uptime(void) {
    double seconds = 0;
    FILE *file = fopen("/proc/uptime", "r");
    if (file && fscanf(file, "%lf", &seconds) != 1) perror("/proc/uptime");
    fclose(file);
    return seconds;
}
static void over(double (*clock)(void)) {
    double before = clock();
    snooze(ten);
    printf("read took %f\n", clock() - before);
}
/* A clock of whole seconds may tick once more than seconds have passed. */
static void over_whole(double (*clock)(void)) {
    double before = clock(), start = now(CLOCK_MONOTONIC);
    snooze(ten);
    double took = clock() - before, really = now(CLOCK_MONOTONIC) - start;
    printf("read took %f\n", took > really ? took - 1 : took);
}
static void r_gettimeofday(void) { over(by_gettimeofday); }
static void r_gettimeofday_direct(void) { over(by_gettimeofday_direct); }
static void r_time(void) { over_whole(by_time); }
static void r_time_direct(void) { over_whole(by_time_direct); }
static void r_times(void) { over(by_times); }
static void r_sysinfo(void) { over_whole(by_sysinfo); }
static void r_uptime(void) { over(by_uptime); }
static void r_agree(void) {
    snooze(ten);
    double today = now(CLOCK_REALTIME), boot = now(CLOCK_BOOTTIME);
    double days[] = {by_gettimeofday(), by_gettimeofday_direct(), by_time(), by_time_direct(),
        now(CLOCK_REALTIME_COARSE)};
    double boots[] = {by_sysinfo(), by_uptime()};
    for (int i = 0; i < 5; i++) printf("%d", days[i] > today - 1.1 && days[i] < today + 1.1);
    for (int i = 0; i < 2; i++) printf("%d", boots[i] > boot - 1.1 && boots[i] < boot + 1.1);
    printf("\n");
}
static void r_processor_time(void) {
    struct tms t;
    snooze(ten);
    times(&t);
    double used = (double)(t.tms_utime + t.tms_stime) / sysconf(_SC_CLK_TCK);
    printf("processor took %f\n", used);
    printf("processor took %f\n", (double)clock() / CLOCKS_PER_SEC);
}
static double stamp(void) {
    struct stat status;
    fstat(open("/tmp/stamped", O_CREAT | O_TRUNC | O_WRONLY, 0600), &status);
    return of_spec(status.st_mtim);
}
static void r_fstat(void) { stamp(); over(stamp); }

#define CASE(name) {#name, name}
static const struct { const char *name; void (*run)(void); } cases[] = {
    CASE(w_nanosleep),
    CASE(w_usleep),
    CASE(w_sleep),
    CASE(w_clock_nanosleep),
    CASE(w_until_monotonic),
    CASE(w_until_realtime),
    CASE(w_until_boottime),
    CASE(w_until_tai),
    CASE(w_threads_sleep),
    CASE(w_select_nothing),
    CASE(w_select),
    CASE(w_select_data),
    CASE(w_select_none_left),
    CASE(w_pselect),
    CASE(w_poll_nothing),
    CASE(w_poll),
    CASE(w_poll_data),
    CASE(w_ppoll),
    CASE(w_ppoll_data),
    CASE(w_epoll_wait),
    CASE(w_epoll_wait_data),
    CASE(w_epoll_pwait2),
    CASE(w_sem_timedwait),
    CASE(w_sem_timedwait_posted),
    CASE(w_cond_monotonic),
    CASE(w_cond_realtime),
    CASE(w_mutex_timedlock),
    CASE(w_timedjoin),
    CASE(w_futex_relative),
    CASE(w_futex_until_realtime),
    CASE(w_timerfd),
    CASE(w_timerfd_until_realtime),
    CASE(w_timerfd_until_monotonic),
    CASE(w_timerfd_until_boottime),
    CASE(w_timerfd_periodic),
    CASE(w_timerfd_missed),
    CASE(w_timerfd_polled),
    CASE(w_timerfd_gettime),
    CASE(w_timerfd_disarmed),
    CASE(w_timer_signal),
    CASE(w_timer_until_realtime),
    CASE(w_timer_periodic),
    CASE(w_timer_thread),
    CASE(w_timer_gettime),
    CASE(w_timer_overrun),
    CASE(w_timer_queued_once),
    CASE(w_setitimer),
    CASE(w_setitimer_periodic),
    CASE(w_getitimer),
    CASE(w_alarm),
    CASE(w_alarm_left),
    CASE(w_alarm_left_is_rounded),
    CASE(w_alarm_after_exec),
    CASE(w_sigtimedwait),
    CASE(w_sigtimedwait_signal),
    CASE(w_semtimedop),
    CASE(w_msgrcv_alarm),
    CASE(w_mq_timedreceive),
    CASE(w_mq_timedsend),
    CASE(w_rcvtimeo_unix),
    CASE(w_rcvtimeo_tcp),
    CASE(w_rcvtimeo_unix_data),
    CASE(w_rcvtimeo_tcp_data),
    CASE(w_rcvtimeo_read),
    CASE(w_rcvtimeo_accept),
    CASE(w_sndtimeo_unix),
    CASE(w_sndtimeo_tcp),
    CASE(r_clocks),
    CASE(r_clocks_direct),
    CASE(r_gettimeofday),
    CASE(r_gettimeofday_direct),
    CASE(r_time),
    CASE(r_time_direct),
    CASE(r_times),
    CASE(r_sysinfo),
    CASE(r_uptime),
    CASE(r_agree),
    CASE(r_processor_time),
    CASE(r_fstat),
};

int main(int count, char **words) {
    ten = atof(words[count - 1]);
    if (pipe(ends)) return 2;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (strcmp(cases[i].name + 2, words[1])) continue;
        double began = now(CLOCK_MONOTONIC);
        cases[i].run();
        printf("took %f\n", now(CLOCK_MONOTONIC) - began);
        return 0;
    }
    fprintf(stderr, "no case %s\n", words[1]);
    return 2;
}
