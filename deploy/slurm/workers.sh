#!/bin/bash
# Hands for the audits, sweeps and studies of a database: each task takes whatever is to be done, and ends when there is nothing.
#   DITHER_DATABASE=postgresql://… DITHER_BLOBS='s3://…' sbatch deploy/slurm/workers.sh
# A task that was killed is missed by nobody: another has its shard when the lease ends. Nothing is to be submitted again.
#SBATCH --job-name=dither-work
#SBATCH --array=1-8
#SBATCH --cpus-per-task=4
#SBATCH --mem=8G
#SBATCH --time=12:00:00
#SBATCH --output=work-%A-%a.log
# SIGTERM a minute before the time is over: what was begun is given back at once.
#SBATCH --signal=TERM@60
set -euo pipefail

: "${DITHER_DATABASE:?the database with the jobs, postgresql://…}"
: "${DITHER_BLOBS:?the bucket with the models, s3://bucket?endpoint=…}"
exec dither work --database "$DITHER_DATABASE" --blobs "$DITHER_BLOBS" --threads "${SLURM_CPUS_PER_TASK:-4}" --until-idle
