"""The database remembers by a check value which master key its marks were made with."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("watermark", "0005_keep_manifests")]
    operations = [
        migrations.CreateModel(
            name="MasterKey",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("check_value", models.CharField(max_length=16)),
                ("since", models.DateTimeField(auto_now=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("id", 1)), name="watermark_one_master_key")
                ],
            },
        ),
    ]
