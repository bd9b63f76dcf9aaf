/** Who killed a process, by what the kernel knows of the signal and by the sender's name. */
import type { Identity } from '../../containers/identity.ts';
import { normaliseComm } from '../comm.ts';
import type { KillEvent } from './events.ts';

export const KILLERS = [
  'kernel_oom',
  'oom_shared_memory',
  'cgroup_kill',
  'pid_namespace_end',
  'parent_death',
  'oomd',
  'runtime',
  'process',
  'unknown',
] as const;
export type Killer = (typeof KILLERS)[number];

/** Daemons that kill before the kernel has to. A name has at most 15 bytes. */
const OOM_DAEMONS: ReadonlySet<string> = new Set(['systemd-oomd', 'earlyoom', 'nohang', 'oomd', 'bustd', 'lmkd']);

/** Container runtimes, their monitors, and kubelet; `runc:[1:CHILD]` is runc. */
const RUNTIMES =
  /^(?:runc|crun|youki|runsc|kata-runtime|containerd|containerd-shim|docker|dockerd|docker-containe|podman|conmon|conmonrs|crio|kubelet|k3s-server|buildkitd|nerdctl|lxc|lxc-start|lxc-stop|lxd|incusd|systemd-nspawn|systemd-machine|nomad)(?::.*)?$/;

/** si_code of kill, sigqueue and tgkill, whose sender is the task that runs. That of a timer or of a file is another. */
const SENT_BY_CURRENT: ReadonlySet<number> = new Set([0, -1, -6]);

/** What is known when the events of a moment are there. */
export interface Kill {
  readonly event: KillEvent;
  readonly victim: Identity;
  readonly sender: Identity;
  /** The OOM killer has marked it. */
  readonly isMarked: boolean;
  /** It has the memory of a process that the same thread killed, and that the OOM killer marked. */
  readonly sharesMarked: boolean;
}

export function killerOf(kill: Kill): Killer {
  const { info, code, sender, senderExits, isToProcess, diesWithParent } = kill.event;
  if (kill.isMarked) return 'kernel_oom';
  switch (info) {
    case 'kernel':
      if (kill.sharesMarked) return 'oom_shared_memory';
      if (!senderExits) return 'unknown';
      // The end of a tracer (PTRACE_O_EXITKILL) is sent to threads.
      if (!isToProcess) return 'parent_death';
      return sender.ownTgid === 1 ? 'pid_namespace_end' : 'unknown';
    case 'none':
      if (senderExits) return diesWithParent ? 'parent_death' : 'unknown';
      return daemonOf(kill) ?? 'cgroup_kill';
    case 'sent':
      return SENT_BY_CURRENT.has(code) ? (daemonOf(kill) ?? 'process') : 'unknown';
  }
}

/** By name, which any process can take: a process of the victim's own container is neither. */
function daemonOf({ event, victim, sender }: Kill): 'oomd' | 'runtime' | undefined {
  const { process } = event.sender;
  if (sender.containerId !== undefined && sender.containerId === victim.containerId) return undefined;
  if (OOM_DAEMONS.has(process)) return 'oomd';
  return RUNTIMES.test(process) ? 'runtime' : undefined;
}

/** Whether the task that ran has nothing to do with the kill. */
export function isByKernel(killer: Killer): boolean {
  return killer === 'kernel_oom' || killer === 'oom_shared_memory' || killer === 'unknown';
}

/** The attribute `sender_comm`. */
export function senderNameOf(killer: Killer, { sender }: KillEvent): string {
  if (killer === 'unknown') return 'unknown';
  return isByKernel(killer) ? 'kernel' : normaliseComm(sender.process);
}
