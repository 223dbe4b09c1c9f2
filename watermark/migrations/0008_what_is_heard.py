"""What is heard where a file differs from its record, for the organisation that asked."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("watermark", "0007_streamed_marks"),
    ]

    operations = [
        migrations.AddField(
            model_name="verification",
            name="heard",
            field=models.JSONField(blank=True, null=True),
        ),
    ]
