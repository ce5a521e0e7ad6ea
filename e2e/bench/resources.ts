import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** What a process has used up to now, as Linux counts it. */
export interface Resources {
  readonly cpuMs: number;
  readonly residentMb: number;
}

let ticksPerSecond: number | undefined;

/** @see https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
export function resourcesOf(pid: number): Resources {
  ticksPerSecond ??= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is the name in parentheses, which may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [utime, stime] = [Number(fields[11]), Number(fields[12])];
  const resident = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return {
    cpuMs: ((utime + stime) * 1000) / ticksPerSecond,
    residentMb: Number(resident?.[1] ?? 0) / 1000,
  };
}
