/* Runs a command and counts the syncs that it and all its children ask for: sync_counter FILE COMMAND [ARGUMENT...]
 * writes the number to FILE. A filter stops only those calls; all others run at full speed. For where strace is not. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STOP_AT(call) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE)

static struct sock_filter filter[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    STOP_AT(SYS_fsync),
    STOP_AT(SYS_fdatasync),
    STOP_AT(SYS_syncfs),
    STOP_AT(SYS_msync),
    STOP_AT(SYS_sync),
#ifdef SYS_sync_file_range
    STOP_AT(SYS_sync_file_range),
#else
    STOP_AT(SYS_sync_file_range2),
#endif
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};

static int be_counted(char **command) {
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    if (ptrace(PTRACE_TRACEME, 0, 0, 0)) return perror("sync_counter: cannot be traced"), 126;
    raise(SIGSTOP); /* Until the parent has said what it wants to see. */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
        return perror("sync_counter: cannot filter"), 126;
    execvp(command[0], command);
    return perror(command[0]), 127;
}

static int count(pid_t first, long *syncs) {
    int status, code = 126;
    long wanted = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
                  PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
    if (waitpid(first, &status, __WALL) < 0 || !WIFSTOPPED(status)) return code;
    if (ptrace(PTRACE_SETOPTIONS, first, 0, wanted) || ptrace(PTRACE_CONT, first, 0, 0)) return code;
    for (pid_t pid; (pid = waitpid(-1, &status, __WALL)) > 0;) {
        if (!WIFSTOPPED(status)) {
            if (pid == first) code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            continue;
        }
        *syncs += status >> 16 == PTRACE_EVENT_SECCOMP;
        /* A new child begins with a SIGSTOP of ours; nothing that is counted here sends one. */
        int passed_on = status >> 16 || WSTOPSIG(status) == SIGSTOP ? 0 : WSTOPSIG(status);
        ptrace(PTRACE_CONT, pid, 0, passed_on);
    }
    return code;
}

int main(int words, char **argv) {
    if (words < 3) return fputs("usage: sync_counter FILE COMMAND [ARGUMENT...]\n", stderr), 2;
    pid_t first = fork();
    if (first == 0) _exit(be_counted(argv + 2));
    long syncs = 0;
    int code = first < 0 ? 126 : count(first, &syncs);
    FILE *file = fopen(argv[1], "w");
    if (!file || fprintf(file, "%ld\n", syncs) < 0 || fclose(file)) return perror(argv[1]), 126;
    return code;
}
