#!/bin/bash
# An audit in parts, without a database: a folder that all nodes see is all that the tasks share.
#   sbatch deploy/slurm/parts.sh model.onnx --data mnist --battery full
# Every task does its part of the shards. The last job does what is missing, whatever became of the parts, and reports.
# A task that was killed costs nothing but its time: submit the same line again, and it goes on where it was.
#SBATCH --job-name=dither-audit
#SBATCH --array=1-8
#SBATCH --cpus-per-task=4
#SBATCH --mem=8G
#SBATCH --time=04:00:00
#SBATCH --output=audit-%A-%a.log
# Parts are of one kind of machine: results of AVX2 and AVX-512 differ in the last digits. Name yours:
##SBATCH --constraint=icelake
set -euo pipefail

journal=${DITHER_JOURNAL:-$PWD/audit-journal}
report=${DITHER_REPORT:-$PWD/audit.html}

if [[ -n ${DITHER_MERGE:-} ]]; then
  exec dither audit "$@" --journal "$journal" --report "$report"
fi
if [[ ${SLURM_ARRAY_TASK_ID:?this is for sbatch} == "$SLURM_ARRAY_TASK_MIN" ]]; then
  # Once all parts have ended, well or not: afterany, as afterok would wait for ever for one that died. What sbatch was told beside the
  # options of this file is told again; an array of one, as the file's own has no other way out.
  sbatch --dependency="afterany:$SLURM_ARRAY_JOB_ID" --array=0 --job-name=dither-report --output=audit-%A.log \
    --export=ALL,DITHER_JOURNAL="$journal",DITHER_REPORT="$report",DITHER_MERGE=1 --partition="$SLURM_JOB_PARTITION" \
    ${SLURM_JOB_ACCOUNT:+--account="$SLURM_JOB_ACCOUNT"} ${SLURM_MEM_PER_NODE:+--mem="$SLURM_MEM_PER_NODE"} \
    --cpus-per-task="${SLURM_CPUS_PER_TASK:-4}" "$0" "$@"
fi
exec dither audit "$@" --journal "$journal" --part "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_MAX"
