"""The database's own word on jobs and outputs, whoever writes:

- a job's state only moves forward;
- an output names a completed-entry whose body holds the hash of exactly these bytes, and an issued mark of
  the same entry;
- an output's row never changes afterwards, except that its file may be marked deleted, and is never removed.
"""

from django.db import migrations

FORWARD = """
CREATE FUNCTION jobs_job_forward_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.state <> OLD.state AND NOT (
       (OLD.state = 'queued' AND NEW.state IN ('running', 'cancelled', 'failed'))
    OR (OLD.state = 'running' AND NEW.state IN ('queued', 'released', 'failed', 'cancelled'))
  ) THEN
    RAISE EXCEPTION 'jobs: % may not become %', OLD.state, NEW.state USING ERRCODE = 'check_violation';
  END IF;
  IF NEW.state = 'released' AND NOT EXISTS (SELECT 1 FROM jobs_output WHERE job_id = NEW.id) THEN
    RAISE EXCEPTION 'jobs: nothing was released for this job' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER jobs_job_forward_only BEFORE UPDATE OF state ON jobs_synthesisjob
  FOR EACH ROW EXECUTE FUNCTION jobs_job_forward_only();

CREATE FUNCTION jobs_output_is_logged() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  logged jsonb;
BEGIN
  SELECT convert_from(body, 'UTF8')::jsonb INTO logged FROM audit_entry WHERE id = NEW.entry_id;
  IF logged IS NULL OR logged->>'event' <> 'synthesis.completed'
     OR logged->'data'->>'output_sha256' <> NEW.sha256
     OR logged->'data'->>'output_id' <> NEW.id::text THEN
    RAISE EXCEPTION 'jobs: the log entry does not speak of this output' USING ERRCODE = 'check_violation';
  END IF;
  IF NOT EXISTS (
    SELECT 1 FROM watermark_mark
     WHERE record_number = NEW.mark_id AND state = 'issued' AND entry_id = NEW.entry_id AND public_id = NEW.id
  ) THEN
    RAISE EXCEPTION 'jobs: the mark of this output is not issued' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER jobs_output_is_logged BEFORE INSERT ON jobs_output
  FOR EACH ROW EXECUTE FUNCTION jobs_output_is_logged();

CREATE FUNCTION jobs_output_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' OR (to_jsonb(NEW) - 'deleted_at' - 'file') <> (to_jsonb(OLD) - 'deleted_at' - 'file') THEN
    RAISE EXCEPTION 'jobs: a released output stays as it was written' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER jobs_output_stays BEFORE UPDATE OR DELETE ON jobs_output
  FOR EACH ROW EXECUTE FUNCTION jobs_output_stays();
"""

BACKWARD = """
DROP TRIGGER jobs_job_forward_only ON jobs_synthesisjob;
DROP TRIGGER jobs_output_is_logged ON jobs_output;
DROP TRIGGER jobs_output_stays ON jobs_output;
DROP FUNCTION jobs_job_forward_only();
DROP FUNCTION jobs_output_is_logged();
DROP FUNCTION jobs_output_stays();
"""


class Migration(migrations.Migration):
    dependencies = [("jobs", "0001_initial"), ("watermark", "0002_mark_rules")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
