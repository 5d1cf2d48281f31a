#!/usr/bin/env bash
# A real SLURM on this machine alone, for the tests: `loopback.sh start|stop FOLDER`.
# Needs Debian (or a child of it) and root, no systemd. Installs slurm-wlm and munge if they are absent.
# Configuration, state and logs lie in FOLDER; in /etc/slurm there are links (the jobs' `srun` looks nowhere
# else). Where SLURM has a configuration already, it stops. The two GPUs are none: /dev/null under other names.
set -euo pipefail

action=${1:-} folder=${2:-}
link=/etc/slurm/slurm.conf
export DEBIAN_FRONTEND=noninteractive

fail() {
    echo "loopback.sh: $*" >&2
    exit 1
}

# Wait up to 30 s for a command to succeed.
wait_for() {
    for _ in $(seq 60); do
        "$@" >/dev/null 2>&1 && return
        sleep 0.5
    done
    fail "'$*' did not succeed in 30 s; see the logs in $folder"
}

stop() {
    for daemon in slurmd slurmctld; do
        [ -f "$folder/$daemon.pid" ] || continue
        pid=$(cat "$folder/$daemon.pid")
        [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$daemon" ] || continue
        kill "$pid"
        for _ in $(seq 40); do [ -d "/proc/$pid" ] || break; sleep 0.25; done
    done
    ! ours || rm -f $link /etc/slurm/gres.conf
}

# Whether SLURM's configuration is the one of this folder.
ours() { [ "$(readlink $link)" = "$folder/slurm.conf" ]; }

authenticated() { munge -n | unmunge; }

idle() { [ "$(sinfo --noheader --format=%t --partition=cpu)" = idle ]; }

start() {
    [ "$(id -u)" = 0 ] || fail "must be run by root"
    [ ! -e $link ] || ours || fail "$link is there: this machine has a SLURM of its own"
    if ! type slurmctld slurmd sbatch munged >/dev/null; then
        command -v apt-get >/dev/null || fail "SLURM is not installed, and there is no apt-get to install it with"
        apt-get update -qq
        apt-get install -qq -y --no-install-recommends slurm-wlm munge >/dev/null
    fi

    if ! authenticated >/dev/null 2>&1; then
        mkdir -p /run/munge
        chown munge: /run/munge /var/log/munge /var/lib/munge /etc/munge
        runuser -u munge -- munged
        wait_for authenticated
    fi

    stop  # what an earlier start left
    mkdir -p "$folder/state" "$folder/spool"
    ln -sf "$folder/slurm.conf" "$folder/gres.conf" /etc/slurm/
    for gpu in 0 1; do
        [ -c "$folder/gpu$gpu" ] || mknod "$folder/gpu$gpu" c 1 3
    done
    echo "NodeName=localhost Name=gpu File=$folder/gpu[0-1]" >"$folder/gres.conf"
    cat >"$folder/slurm.conf" <<CONF
ClusterName=loopback
SlurmctldHost=localhost
SlurmctldPort=26817
SlurmdPort=26818
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc=$folder/jobs.txt
MinJobAge=3600
KillWait=5
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,bf_interval=1,sched_interval=1
NodeName=localhost NodeHostName=$(hostname) CPUs=2 RealMemory=32000 Gres=gpu:2
PartitionName=cpu Nodes=localhost Default=YES MaxTime=INFINITE State=UP
PartitionName=gpu Nodes=localhost MaxTime=INFINITE State=UP
CONF
    slurmctld -c  # what an earlier start left in the queue is gone
    slurmd -N localhost
    wait_for idle
    echo "SLURM is up: $folder"
}

[ -n "$folder" ] || fail "usage: loopback.sh start|stop FOLDER"
case $action in
start) start ;;
stop) stop ;;
*) fail "usage: loopback.sh start|stop FOLDER" ;;
esac
