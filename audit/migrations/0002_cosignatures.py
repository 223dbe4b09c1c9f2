"""What witnesses sign beneath a checkpoint."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Cosignature',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('witness', models.CharField(max_length=200)),
                ('lines', models.TextField()),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('checkpoint', models.ForeignKey(db_column='size', on_delete=django.db.models.deletion.DO_NOTHING, related_name='cosignatures', to='audit.checkpoint')),
            ],
            options={
                'db_table': 'audit_cosignature',
                'constraints': [models.UniqueConstraint(fields=('checkpoint', 'witness'), name='audit_cosigned_once')],
            },
        ),
    ]
