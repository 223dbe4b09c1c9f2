"""With every file released from now on the compact reference of its sound is kept; older records stay without."""

from django.db import migrations, models

FORWARD = """
CREATE FUNCTION watermark_mark_keeps_reference() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.state <> 'reserved' AND NEW.reference IS NULL AND (TG_OP = 'INSERT' OR OLD.state = 'reserved') THEN
    RAISE EXCEPTION 'watermark: a file is released only with its reference' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER watermark_mark_keeps_reference BEFORE INSERT OR UPDATE ON watermark_mark
  FOR EACH ROW EXECUTE FUNCTION watermark_mark_keeps_reference();
"""

BACKWARD = """
DROP TRIGGER watermark_mark_keeps_reference ON watermark_mark;
DROP FUNCTION watermark_mark_keeps_reference();
"""


class Migration(migrations.Migration):
    dependencies = [("watermark", "0003_verification_lanes_and_batches")]
    operations = [
        migrations.AddField("mark", "reference", models.BinaryField(blank=True, null=True)),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
