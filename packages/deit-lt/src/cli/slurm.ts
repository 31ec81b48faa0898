/** The tasks of Slurm's `srun` as processes of a training: torchrun's variables made of Slurm's. */

/** Ports below those that Linux gives to connections, from 32768. */
const [firstPort, ports] = [15_000, 15_000];

/**
 * Returns torchrun's variables for this task of `srun`, those of them that are not set; undefined: it is not one of several tasks, or
 * torchrun's variables are there. The processes meet on the first host of the step, at a port that follows from the job.
 */
export function slurmVariables(env: NodeJS.ProcessEnv): Record<string, string> | undefined {
  // SLURM_STEP_NODELIST is set by srun alone: the batch script itself has SLURM_NTASKS, too, but is one process.
  const { SLURM_PROCID: rank, SLURM_STEP_NODELIST: hosts, SLURM_LOCALID: local = '0' } = env;
  const tasks = env.SLURM_STEP_NUM_TASKS ?? env.SLURM_NTASKS;
  if (env.RANK !== undefined || env.WORLD_SIZE !== undefined || rank === undefined || !hosts) return undefined;
  if (tasks === undefined || tasks === '1') return undefined;
  return {
    RANK: rank,
    WORLD_SIZE: tasks,
    LOCAL_RANK: local,
    MASTER_ADDR: env.MASTER_ADDR ?? firstHost(hosts),
    MASTER_PORT: env.MASTER_PORT ?? String(portOf(env)),
  };
}

/** Returns the first host of Slurm's list: `gpu[03-05,9],login1` → `gpu03`. */
export function firstHost(list: string): string {
  const [first = ''] = /^(?:\[[^\]]*\]|[^,[])+/.exec(list.trim()) ?? [];
  return first.replace(/\[([^\],-]*)[^\]]*\]/g, '$1');
}

function portOf({ SLURM_JOB_ID: job = '0', SLURM_STEP_ID: step = '0' }: NodeJS.ProcessEnv): number {
  return firstPort + ((Number(job) * 31 + Number(step)) % ports || 0);
}
