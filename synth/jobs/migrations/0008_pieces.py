"""Speech released piece by piece. The database's own word on it, whoever writes:

- a piece names its entry, whose body holds the hash of everything up to its end, and the mark of its job's record;
- pieces follow each other without a gap, belong to a running streamed job, and never change;
- a job of which something has left is never made again;
- the output of a streamed job is its pieces, joined.
"""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F, Q

FORWARD = """
CREATE FUNCTION jobs_piece_is_logged() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  logged jsonb;
  record_id uuid;
  reached record;
BEGIN
  SELECT public_id INTO record_id FROM watermark_mark WHERE record_number = NEW.mark_id AND state = 'streaming';
  SELECT convert_from(body, 'UTF8')::jsonb INTO logged FROM audit_entry WHERE id = NEW.entry_id;
  IF record_id IS NULL OR logged IS NULL OR logged->>'event' <> 'synthesis.piece'
     OR logged->'data'->>'job_id' <> NEW.job_id::text
     OR logged->'data'->>'output_id' <> record_id::text
     OR logged->'data'->>'output_sha256' <> NEW.sha256
     OR (logged->'data'->>'index')::bigint <> NEW.index THEN
    RAISE EXCEPTION 'jobs: the log entry does not speak of this piece' USING ERRCODE = 'check_violation';
  END IF;
  IF NOT EXISTS (SELECT 1 FROM jobs_synthesisjob WHERE id = NEW.job_id AND state = 'running' AND is_streamed) THEN
    RAISE EXCEPTION 'jobs: pieces belong to a streamed job that runs' USING ERRCODE = 'check_violation';
  END IF;
  SELECT count(*) AS pieces, coalesce(max(end_byte), 0) AS at_byte, coalesce(max(end_ms), 0) AS at_ms,
         coalesce(max(mark_id), NEW.mark_id) AS mark_id
    INTO reached FROM jobs_synthesispiece WHERE job_id = NEW.job_id;
  IF NEW.index <> reached.pieces OR NEW.start_byte <> reached.at_byte OR NEW.end_ms < reached.at_ms
     OR NEW.mark_id <> reached.mark_id THEN
    RAISE EXCEPTION 'jobs: a piece follows the one before it' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER jobs_piece_is_logged BEFORE INSERT ON jobs_synthesispiece
  FOR EACH ROW EXECUTE FUNCTION jobs_piece_is_logged();

CREATE FUNCTION jobs_piece_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'jobs: a released piece stays as it was written' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER jobs_piece_stays BEFORE UPDATE OR DELETE ON jobs_synthesispiece
  FOR EACH ROW EXECUTE FUNCTION jobs_piece_stays();

CREATE FUNCTION jobs_job_is_made_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.state = 'queued' AND OLD.state <> 'queued'
     AND EXISTS (SELECT 1 FROM jobs_synthesispiece WHERE job_id = NEW.id) THEN
    RAISE EXCEPTION 'jobs: some of this speech has left already' USING ERRCODE = 'check_violation';
  END IF;
  IF NEW.is_streamed <> OLD.is_streamed AND OLD.state <> 'queued' THEN
    RAISE EXCEPTION 'jobs: a job stays of its kind' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER jobs_job_is_made_once BEFORE UPDATE OF state, is_streamed ON jobs_synthesisjob
  FOR EACH ROW EXECUTE FUNCTION jobs_job_is_made_once();

CREATE FUNCTION jobs_output_is_its_pieces() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  last record;
BEGIN
  IF EXISTS (SELECT 1 FROM jobs_synthesisjob WHERE id = NEW.job_id AND is_streamed) THEN
    SELECT sha256, end_byte, mark_id INTO last FROM jobs_synthesispiece
     WHERE job_id = NEW.job_id ORDER BY index DESC LIMIT 1;
    IF last IS NULL OR last.sha256 <> NEW.sha256 OR last.end_byte <> NEW.size_bytes
       OR last.mark_id <> NEW.mark_id THEN
      RAISE EXCEPTION 'jobs: the output of a streamed job is its pieces' USING ERRCODE = 'check_violation';
    END IF;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER jobs_output_is_its_pieces BEFORE INSERT ON jobs_output
  FOR EACH ROW EXECUTE FUNCTION jobs_output_is_its_pieces();
"""

BACKWARD = """
DROP TRIGGER jobs_output_is_its_pieces ON jobs_output;
DROP TRIGGER jobs_job_is_made_once ON jobs_synthesisjob;
DROP TRIGGER jobs_piece_stays ON jobs_synthesispiece;
DROP TRIGGER jobs_piece_is_logged ON jobs_synthesispiece;
DROP FUNCTION jobs_output_is_its_pieces();
DROP FUNCTION jobs_job_is_made_once();
DROP FUNCTION jobs_piece_stays();
DROP FUNCTION jobs_piece_is_logged();
"""
_RESTRICTED = django.db.models.deletion.PROTECT


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0007_trim_to"),
        ("watermark", "0007_streamed_marks"),
        ("audit", "0001_initial"),
    ]
    operations = [
        migrations.AddField("synthesisjob", "is_streamed", models.BooleanField(default=False)),
        migrations.AddField(
            "synthesisjob", "stream_file", models.CharField(blank=True, default="", max_length=200)
        ),
        migrations.CreateModel(
            "SynthesisPiece",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("index", models.PositiveIntegerField()),
                ("start_byte", models.BigIntegerField()),
                ("end_byte", models.BigIntegerField()),
                ("end_ms", models.PositiveIntegerField()),
                ("sha256", models.CharField(max_length=64)),
                ("released_at", models.DateTimeField(auto_now_add=True)),
                ("entry", models.OneToOneField(on_delete=_RESTRICTED, related_name="piece", to="audit.entry")),
                ("job", models.ForeignKey(on_delete=_RESTRICTED, related_name="pieces", to="jobs.synthesisjob")),
                ("mark", models.ForeignKey(on_delete=_RESTRICTED, related_name="pieces", to="watermark.mark")),
            ],
        ),
        migrations.AddConstraint(
            "synthesispiece", models.UniqueConstraint(fields=["job", "index"], name="jobs_piece_once")
        ),
        migrations.AddConstraint(
            "synthesispiece",
            models.CheckConstraint(condition=Q(sha256__regex="^[0-9a-f]{64}$"), name="jobs_piece_hashed"),
        ),
        migrations.AddConstraint(
            "synthesispiece",
            models.CheckConstraint(
                condition=Q(start_byte__gte=0, end_byte__gt=F("start_byte")), name="jobs_piece_not_empty"
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
