"""With every file released from now on its Content Credentials are kept; older records stay without."""

from django.db import migrations, models

FORWARD = """
CREATE FUNCTION watermark_mark_keeps_manifest() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.state <> 'reserved' AND NEW.manifest IS NULL AND (TG_OP = 'INSERT' OR OLD.state = 'reserved') THEN
    RAISE EXCEPTION 'watermark: a file is released only with its credentials' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER watermark_mark_keeps_manifest BEFORE INSERT OR UPDATE ON watermark_mark
  FOR EACH ROW EXECUTE FUNCTION watermark_mark_keeps_manifest();
"""

BACKWARD = """
DROP TRIGGER watermark_mark_keeps_manifest ON watermark_mark;
DROP FUNCTION watermark_mark_keeps_manifest();
"""


class Migration(migrations.Migration):
    dependencies = [("watermark", "0004_keep_references")]
    operations = [
        migrations.AddField("mark", "manifest", models.BinaryField(blank=True, null=True)),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
