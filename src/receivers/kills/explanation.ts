/** A sentence for people: who killed what, and why. */
import type { KillEvent } from './events.ts';
import type { Killer } from './killer.ts';
import type { Storm } from './storms.ts';

/** A SIGTERM that is older has nothing to do with the kill, in ms: the longest grace that people give. */
const MAX_GRACE_MS = 3_600_000;

export function explainStorm({ kills }: Storm): string {
  const [{ event, killer }] = kills;
  const { victim } = event;
  const more = kills.length - 1;
  const others = more === 0 ? '' : `; ${more} more ${more === 1 ? 'process' : 'processes'} died in the same event`;
  return `${victim.process} (pid ${victim.tgid}) was killed ${reasonOf(killer, event)}${others}`;
}

function reasonOf(killer: Killer, event: KillEvent): string {
  const { sender, victim } = event;
  const who = `${sender.process} (pid ${sender.tgid})`;
  switch (killer) {
    case 'kernel_oom':
      return 'by the kernel, because memory ran out: its record at /oom says whose';
    case 'oom_shared_memory':
      return 'by the kernel, because it shared the memory of a process that the OOM killer chose';
    case 'cgroup_kill':
      return `with all of its cgroup: ${who} wrote to cgroup.kill${graceOf(event)}`;
    case 'pid_namespace_end':
      return `because ${who}, the first process of its container, ended`;
    case 'parent_death':
      return `because its ${event.info === 'kernel' ? 'tracer' : 'parent'} ${who} ended, and it had asked to end then`;
    case 'oomd':
      return `by ${who}, which frees memory before the kernel has to${graceOf(event)}`;
    case 'runtime':
      return `by ${who}, a container runtime${graceOf(event)}`;
    case 'process':
      return `by ${sender.tgid === victim.tgid ? 'itself' : `${who}, user ${sender.uid}`}${graceOf(event)}`;
    case 'unknown':
      return unknownReason(event);
  }
}

function graceOf({ term }: KillEvent): string {
  if (term === null || term.beforeMs > MAX_GRACE_MS) return '';
  const how = term.isIgnored ? ', which it ignored' : '';
  return `: it did not end within ${(term.beforeMs / 1000).toFixed(1)} s of SIGTERM${how}`;
}

function unknownReason({ info, code, sender, victim, senderExits }: KillEvent): string {
  if (info === 'kernel' && sender.tgid === victim.tgid && !senderExits) {
    return 'by the kernel on its own account, as at the limit of its CPU time (RLIMIT_CPU)';
  }
  if (info === 'sent') return `by a timer, a file or the kernel (si_code ${code})`;
  return 'by the kernel, which does not say why';
}
